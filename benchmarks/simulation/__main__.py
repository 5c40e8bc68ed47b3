"""Simulate experiments on populations with a known truth, and print how often their intervals cover it, and how often
a comparison of equal experiments names one better.

Run: python -m benchmarks.simulation [--draws 300] [--processes 2] [--only folds]. The draws have fixed seeds.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, groupby, product
from typing import TypeVar, get_args

from workers import blas

blas.configure(os.environ)  # before NumPy is imported

# ruff: noqa: E402
from benchmarks.simulation import components, folds, leaderboards, numbers, shift_tables, single_split, twins
from benchmarks.simulation.coverage import Covered, table
from benchmarks.simulation.populations import DESIGNS, Design

NAMES = [design.name for design in DESIGNS]
T = TypeVar("T")


def main() -> None:
    """Simulate every design, and print a table for each kind of interval, then one for comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--only",
        choices=(
            "components",
            "single_split",
            "folds",
            "twins",
            "leaderboards",
            "shifts",
            "monitors",
            "regression",
        ),
        help="one alone",
    )
    options = parser.parse_args()
    if options.only in (None, "components"):
        _print_components()
    with ProcessPoolExecutor(options.processes) as processes:
        if options.only in (None, "single_split"):
            _print_single_split(_all_draws(processes, single_split.draw, options.draws), options.draws)
        if options.only in (None, "folds"):
            for model, draw in (("a small network", folds.draw), ("the linear model", folds.draw_linear)):
                _print_folds(_all_draws(processes, draw, options.draws), model)
        if options.only in (None, "regression"):
            _print_regression(processes, options.draws)
    if options.only in (None, "twins"):
        _print_twins(options.draws)
    if options.only in (None, "leaderboards"):
        _print_leaderboards(min(options.draws, 200))
    _print_shifts(options.only, options.draws, options.processes)


def _print_shifts(only: str | None, draws: int, processes: int) -> None:
    if only in (None, "shifts"):
        shift_tables.print_all(draws)
    if only in (None, "monitors"):
        shift_tables.print_monitors(min(draws, 200), processes)


def _print_components() -> None:
    print(
        "\nIntervals over seeds with known components of variance: covered, in percent, and the relative width\n"
    )
    print("| method | seeds' variance | " + " | ".join(f"{seeds} seeds" for seeds in components.SEEDS) + " |")
    print("|---|---|" + "---|" * len(components.SEEDS))
    found = sorted(components.outcomes(), key=_method_and_variance)
    for (method, of_seeds), cells in groupby(found, key=_method_and_variance):
        shown = " | ".join(f"{each.covered:.1%} ({each.width:.2f})" for each in cells)
        print(f"| {method} | {of_seeds:g} | {shown} |", flush=True)


def _method_and_variance(found: components.Coverage) -> tuple[str, float]:
    return found.method, found.of_seeds


def _all_draws(processes: ProcessPoolExecutor, draw: Callable[[Design, int], list[T]], draws: int) -> list[T]:
    designs, of_draw = zip(*product(DESIGNS, range(draws)), strict=True)
    return list(chain.from_iterable(processes.map(draw, designs, of_draw, chunksize=5)))


def _print_single_split(found: list[single_split.AtEpoch], draws: int) -> None:
    for epoch, seeds in product(single_split.EPOCHS, single_split.SEEDS):
        of_seeds = f"{seeds} {'seed' if seeds == 1 else 'seeds'}"
        print(f"\nOne split, {epoch} epoch, {of_seeds}: intervals that cover, of {draws} draws, in percent\n")
        _print_tables([each.covered for each in found if (each.epoch, each.seeds) == (epoch, seeds)])


def _print_folds(found: list[folds.Estimated], model: str) -> None:
    for method in get_args(folds.Method):
        folds_of = f"{folds.FOLDS} x {folds.REPEATS} folds, {model}"
        print(f"\n{method.capitalize()}, {folds_of}: intervals that cover, in percent\n")
        _print_tables(list(folds.coverage(found, method)))


def _print_tables(covered: list[Covered]) -> None:
    """One of metrics of the confusion matrix, and one of those of scores."""
    for figures in (single_split.OF_CONFUSION, single_split.OF_SCORES):
        print(table(covered, NAMES, figures) + "\n", flush=True)


def _print_regression(processes: ProcessPoolExecutor, draws: int) -> None:
    designs, of_draw = zip(*product(numbers.DESIGNS, range(draws)), strict=True)
    found = chain.from_iterable(processes.map(numbers.draw, designs, of_draw, chunksize=5))
    names = [design.name for design in numbers.DESIGNS]
    print(f"\nBootstrap of regressions: intervals that cover, of {draws} draws, in percent\n")
    print(table(found, names, numbers.FIGURES), flush=True)


def _print_twins(draws: int) -> None:
    print("\nComparisons of experiments that differ by nothing\n")
    print("| scenario | draws | some `better` | pairs with a `better` |\n|---|---|---|---|")
    for each in twins.outcomes(draws):
        shares = f"{each.some_better:.1%} | {each.pairs_better:.2%}"
        print(f"| {each.scenario} | {each.draws} | {shares} |", flush=True)


def _print_leaderboards(draws: int) -> None:
    print("\nLeaderboards of equal candidates, and the value of the best: standard errors above the truth\n")
    print("| scenario | draws | a winner named | any called worse | measured | by theory | corrected |")
    print("|---|---|---|---|---|---|---|")
    for each in leaderboards.outcomes(draws):
        above = (each.measured, each.expected, each.corrected)
        figures = " | ".join("-" if figure is None else f"{figure:+.2f}" for figure in above)
        shares = f"{each.named:.1%} | {each.any_worse:.1%}"
        print(f"| {each.scenario} | {each.draws} | {shares} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
