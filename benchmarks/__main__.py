"""Run every comparison: make bench. To print only some: python -m benchmarks polling many_experiments"""

import argparse
import sys
import time
import traceback
from importlib import import_module

from benchmarks import report
from benchmarks.report import Row

COMPARISONS = {
    "workers": "benchmarks.workers",
    "steps": "benchmarks.steps",
    "bfloat16_steps": "benchmarks.bfloat16_steps",
    "seeds": "benchmarks.service.seeds",
    "sweep": "benchmarks.service.sweep",
    "beside_h2o": "benchmarks.service.beside_h2o",
    "search_peers": "benchmarks.search.comparison",
    "first_epoch": "benchmarks.service.first_epoch",
    "polling": "benchmarks.service.polling",
    "database_reads": "benchmarks.service.database_reads",
    "tracking": "benchmarks.service.tracking",
    "polled_training": "benchmarks.service.polled_training",
    "many_experiments": "benchmarks.service.many_experiments",
    "memory": "benchmarks.service.memory",
    "page": "benchmarks.service.page",
    "tables": "benchmarks.service.tables",
}
"""The module of each comparison."""


def main() -> int:
    """Measure and print; write the results if all comparisons ran. Returns 1 if one could not be measured, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(COMPARISONS))
    names = parser.parse_args().names or list(COMPARISONS)
    if unknown := set(names) - set(COMPARISONS):
        parser.error(f"no comparison is called {', '.join(unknown)}; there are {', '.join(COMPARISONS)}")
    about, rows, failed = report.machine(), list[Row](), list[str]()
    for name in names:
        if not _measure(name, rows):
            failed.append(name)
    print(f"\n{report.sentence(about)}\n\n{report.table(rows, report.figures_before())}")
    if failed:
        print(f"Could not be measured: {', '.join(failed)}")
    elif set(names) == set(COMPARISONS):
        report.write(about, rows)
        print(f"Written to {report.JSON} and {report.PAGE}")
    return bool(failed)


def _measure(name: str, rows: list[Row]) -> bool:
    """Measure one comparison, print its rows as they come, and add them to `rows`. Returns False if it failed."""
    print(f"{name} ...", flush=True)
    started = time.monotonic()
    try:
        for row in import_module(COMPARISONS[name]).measure():
            figure = report.shown(row.figure)
            print(f"   {row.what}, against {row.against}: {row.ours}, {row.theirs}: {figure}", flush=True)
            rows.append(row)
    except report.Skipped as reason:
        print(f"   skipped: {reason}")
    except Exception:
        traceback.print_exc()
        return False
    print(f"   {time.monotonic() - started:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
