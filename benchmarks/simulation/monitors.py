"""How many monitors raise a false alarm in their whole life, and how soon a shift is found."""

from concurrent.futures import Executor
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.simulation.shifts import Change, Population, as_it_is, fresh_reference, table_population
from workers import scored_rows
from workers.nn.arrays import Array
from workers.shift.monitoring import check_batch, detectors_of, first_state
from workers.shift.rows import ScoredRows

REFERENCE_ROWS = 100
"""Validation rows of each monitor: with those of its batches, few enough that 10,000 tests take minutes."""


def first_alarm(
    population: Population,
    change: Change,
    *,
    rows: int,
    batches: int,
    quiet: int,
    seed: int,
    alpha: float = 0.05,
) -> int | None:
    """The number of the batch that raises the first alarm of a monitor; None if none does.

    change: of the batches after the first `quiet` ones. Each monitor has validation rows of its own, drawn with its
    batches: the guarantee is over both.
    """
    stream = np.random.default_rng([7, seed])

    def score(features: Array, draws: np.random.Generator, most: int) -> ScoredRows:
        return scored_rows.score(population.predictor, features, draws, most_sampled=most)

    reference, rest = fresh_reference(population, REFERENCE_ROWS, stream)
    state = first_state(reference, detectors_of(is_regression=False), stream)
    for number in range(1, batches + 1):
        drawn = rest[stream.choice(len(rest), rows, replace=False)]
        changed = (as_it_is if number <= quiet else change)(drawn, stream)
        scored = scored_rows.score(population.predictor, changed, stream)
        checked = check_batch(reference, scored, state, alpha, score, stream)
        if checked.alarms:
            return number
        state = checked.state
    return None


def first_alarms(
    processes: Executor, change: Change, monitors: int, *, rows: int, batches: int, quiet: int
) -> list[int | None]:
    """The first alarm of each monitor of the table."""
    one = partial(_first_alarm, change=change, rows=rows, batches=batches, quiet=quiet)
    return list(processes.map(one, range(monitors)))


def _first_alarm(seed: int, **options: Any) -> int | None:
    return first_alarm(_table(), **options, seed=seed)


@cache
def _table() -> Population:
    """Trained once in each process."""
    return table_population()
