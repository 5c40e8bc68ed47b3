"""Simulate experiments on populations with a known truth, and print how often their intervals cover it.

Run: python -m benchmarks.simulation [--draws 300] [--processes 2]. The draws have fixed seeds.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, product
from statistics import fmean

from workers import blas

blas.configure(os.environ)  # before NumPy is imported

# ruff: noqa: E402
from benchmarks.simulation import single_split
from benchmarks.simulation.populations import DESIGNS
from benchmarks.simulation.single_split import EPOCHS, FIGURES, Covered


def main() -> None:
    """Simulate every design, and print a table for each epoch that may be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as processes:
        cases = list(product(DESIGNS, range(options.draws)))
        designs, numbers = zip(*cases, strict=True)
        found = list(chain.from_iterable(processes.map(single_split.draw, designs, numbers, chunksize=5)))
    for epoch in EPOCHS:
        print(
            f"\nTwo-way bootstrap, {epoch} epoch: intervals that cover, of {options.draws} draws, in percent\n"
        )
        print(table(each for each in found if each.epoch == epoch))


def table(found: Iterable[Covered]) -> str:
    """A Markdown table: a row for each design, a column for each figure, coverage and mean width."""
    cells: dict[tuple[str, str], list[Covered]] = defaultdict(list)
    for each in found:
        cells[each.design, each.figure].append(each)
    rows = [["design", *FIGURES], ["---"] * (len(FIGURES) + 1)]
    rows += [
        [design, *(_cell(cells[design, figure]) for figure in FIGURES)]
        for design in dict.fromkeys(design for design, _ in cells)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(draws: list[Covered]) -> str:
    coverage, width = fmean(each.covered for each in draws), fmean(each.width for each in draws)
    return f"{100 * coverage:.1f} ({width:.3f})"


if __name__ == "__main__":
    main()
