"""python -m tests.soak: clients use a service for half an hour; prints what it takes, and fails if that grows."""

# ruff: noqa: T201
import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.scenario import run_soak


def main() -> None:
    """Parse the command line, and run the test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdout-soak-") as folder:
        report = run_soak(
            Path(folder),
            seconds=60 * options.minutes,
            clients=options.clients,
            show=lambda sample: print(sample, flush=True),
        )
    for action, count in sorted(report.done.items()):
        print(f"  {action:8} {count:>7,}")
    for growth in report.memory:
        print(f"  {growth}")
    print(f"  at most {report.most_files} open files, WAL {report.most_wal_bytes / 1e6:.1f} MB")
    print(f"  slowest response {report.slowest:.2f} s, unexpected responses {len(report.unexpected)}")
    if problems := report.problems():
        sys.exit("\n".join(problems))


main()
