"""python -m tests.chaos: a long storm on each database; prints what was hit, and what was checked."""

# ruff: noqa: E402, T201
import os

from workers import blas

blas.configure(os.environ)  # before NumPy is imported: this process then comes to the same bits as a worker

import argparse
import tempfile
import time
from pathlib import Path

from tests.chaos.storm import storm


def main() -> None:
    """Parse the command line, and let it storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blows", type=int, default=200, help="on each database")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    given = parser.parse_args()
    for kind in given.database or ["sqlite", "postgresql"]:
        started = time.monotonic()
        print(f"{kind}: {given.blows} blows, seed {given.seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="holdout-chaos-") as folder:
            report = storm(Path(folder), kind, seed=given.seed, blows=given.blows)
        for name, count in report.items():
            print(f"  {name:20} {count:>7,}")
        print(f"  in order after {time.monotonic() - started:.0f} s\n", flush=True)


main()
