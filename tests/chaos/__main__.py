"""python -m tests.chaos: a long chaos test on each database; prints the faults, and what was audited."""

# ruff: noqa: E402, T201
import os

from workers import blas

blas.configure(os.environ)  # before NumPy is imported: this process then computes the same bits as a worker

import argparse
import tempfile
import time
from pathlib import Path

from tests.chaos.scenario import run_scenario
from tests.inherited_signals import keep_from_child_processes


def main() -> None:
    """Parse the command line, and run the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200, help="on each database")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--keep", type=Path, help="a folder for data and logs, which stay there")
    options = parser.parse_args()
    keep_from_child_processes()
    for kind in options.database or ["sqlite", "postgresql"]:
        started = time.monotonic()
        print(f"{kind}: {options.faults} faults, seed {options.seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="holdout-chaos-") as temporary:
            folder = Path(temporary) if options.keep is None else options.keep / kind
            folder.mkdir(parents=True, exist_ok=True)
            report = run_scenario(folder, kind, seed=options.seed, faults=options.faults)
        for name, count in report.items():
            print(f"  {name:20} {count:>7,}")
        print(f"  in order after {time.monotonic() - started:.0f} s\n", flush=True)


main()
