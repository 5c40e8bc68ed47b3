"""Print how often each detector of shift is right: `python -m benchmarks.simulation.shift_tables [--batches 300]`."""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields

from workers import blas

blas.configure(os.environ)  # before NumPy is imported

# ruff: noqa: E402
import numpy as np

from benchmarks.simulation import monitors as monitor_runs
from benchmarks.simulation import shifts
from benchmarks.simulation.shifts import Population, PriorErrors, Scenario


def main() -> None:
    """Print the tables for a table of five columns, and for MNIST if its files are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=300)
    print_all(parser.parse_args().batches)


def print_all(batches: int) -> None:
    """Print how many batches each detector raises an alarm about, p-values of MNIST's test part, and priors."""
    table, shifted = shifts.table_population(), max(1, batches // 3)
    _print_alarms("a table", table, Scenario("no shift, 500 rows", 500, shifts.as_it_is), batches)
    _print_alarms("a table", table, Scenario("age x 1.2, 500 rows", 500, shifts.scaled_column), shifted)
    if not shifts.MNIST.is_dir():
        print("MNIST is not there: its tables are left out.")
        return
    images = shifts.mnist_population()
    _print_alarms("MNIST", images, Scenario("translated by 1, 200 rows", 200, shifts.translated), shifted)
    _print_alarms("MNIST", images, Scenario("noise of severity 3, 100 rows", 100, shifts.noisy), shifted)
    _print_official_test(images, max(1, batches // 15))
    _print_priors(images, max(1, batches // 15))
    _print_alarms("MNIST", images, Scenario("no shift, 200 rows", 200, shifts.as_it_is), batches)


def print_monitors(monitors: int, processes: int) -> None:
    """Print how many monitors raise a false alarm, and how soon they find a shift that begins at batch 11."""
    with ProcessPoolExecutor(processes) as pool:
        raised = monitor_runs.first_alarms(pool, shifts.as_it_is, monitors, rows=10, batches=50, quiet=50)
        false = sum(each is not None for each in raised)
        print(f"monitors of 50 batches of 10 rows, false alarms: {false} of {monitors}", flush=True)
        few = max(1, monitors // 10)
        found = monitor_runs.first_alarms(pool, shifts.scaled_column, few, rows=20, batches=40, quiet=10)
    early = sum(each is not None and each <= 10 for each in found)
    late = sorted(each - 10 for each in found if each is not None and each > 10)
    print(
        f"age x 1.2 from batch 11 on, 20 rows each: found in {len(late)} of {few}, {early} too early, "
        f"at batch {late} of those that have shifted",
        flush=True,
    )


def _print_alarms(of: str, population: Population, scenario: Scenario, batches: int) -> None:
    found = shifts.alarms(population, scenario, batches)
    listed = ", ".join(f"{name} {share:.1%}" for name, share in found.items())
    print(f"{of}, {scenario.name}, alarms about {batches} batches: {listed}", flush=True)


def _print_official_test(population: Population, batches: int) -> None:
    found = shifts.official_test_p_values(population, batches)
    listed = ", ".join(
        f"{name} {np.median(values):.4f} ({np.mean(np.array(values) <= 0.05):.0%})"
        for name, values in found.items()
    )
    print(f"MNIST's test part, 1,000 rows, median p (alarms) of {batches} batches: {listed}", flush=True)


def _print_priors(population: Population, batches: int) -> None:
    found = np.array([astuple(each) for each in shifts.prior_errors(population, batches)])
    for place, field in enumerate(fields(PriorErrors)):
        mean, most = found[:, place].mean(), found[:, place].max()
        print(f"prior .30 to .01, 2,000 rows, {field.name}: mean {mean:.4f}, largest {most:.4f}", flush=True)


if __name__ == "__main__":
    main()
