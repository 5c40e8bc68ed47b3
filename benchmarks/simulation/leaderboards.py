"""Sweeps of equal candidates: how often a leaderboard names a winner, and how far off the value of its best one is.

By the service's own function, `compare_candidates`, as a request calls it. The candidates are the twins of `twins`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from benchmarks.simulation.twins import METRIC, Draw, DrawnResults, on_rows, over_folds
from service.experiments.candidate_comparison import Entrant, compare_candidates
from service.experiments.candidate_rows import load_rows
from service.experiments.contenders import Contender

CANDIDATES = 20
LARGEST_OF_20 = 1.867
"""The expected largest of 20 standard normal values: so far above the others is the best of 20 equal candidates."""


@dataclass(frozen=True)
class SweepOutcome:
    """Shares of the draws in which a winner was named, and in which any candidate was called worse than the best.

    measured, corrected, expected: how far the value of the best is above the truth, in standard errors of a value, as
    measured, after the correction, and by theory; None without row-level results.
    """

    scenario: str
    draws: int
    named: float
    any_worse: float
    measured: float | None
    corrected: float | None
    expected: float | None


def simulate(scenario: str, draw: Draw, *, candidates: int, draws: int, truth: float | None) -> SweepOutcome:
    """Rank so many equal candidates, in so many draws with fixed seeds. truth: the value of each of them."""
    named, any_worse = [], []
    best, corrected, within, errors = [], [], [], []
    for seed in range(draws):
        entrants = _entrants(draw(np.random.default_rng(seed), candidates))
        compared = compare_candidates(entrants, METRIC)
        assert compared is not None
        found = compared.found
        named.append(found.against_best.top.sum() == 1)
        any_worse.append(not found.against_best.top.all())
        values = [each.value for each in entrants]
        best.append(values[0])
        within.append(np.std(values, ddof=1))
        errors.append(values[-1 - seed % candidates])
        if found.corrected is not None:
            corrected.append(found.corrected.corrected)
    shares = float(np.mean(named)), float(np.mean(any_worse))
    if truth is None or not corrected:
        return SweepOutcome(scenario, draws, *shares, None, None, None)
    error = float(np.std(errors))
    return SweepOutcome(
        scenario,
        draws,
        *shares,
        (fmean(best) - truth) / error,
        (fmean(corrected) - truth) / error,
        LARGEST_OF_20 * float(np.mean(within)) / error,
    )


def outcomes(draws: int = 200) -> Iterator[SweepOutcome]:
    """Each scenario with its outcome, in turn."""
    name = f"{CANDIDATES} equal candidates on the same rows, 3 seeds"
    yield simulate(name, on_rows, candidates=CANDIDATES, draws=draws, truth=truth_on_rows())
    for repeats in (2, 1):
        name = f"{CANDIDATES} equal candidates, cross-validation of {repeats} x 5 folds, 3 seeds"
        draw = over_folds(1.0, repeats=repeats)
        yield simulate(name, draw, candidates=CANDIDATES, draws=draws, truth=None)


def truth_on_rows(draws: int = 400) -> float:
    """The mean value of `on_rows`, over other draws."""
    streams = (np.random.default_rng(10_000 + seed) for seed in range(draws))
    return fmean(each.value for stream in streams for each in _entrants(on_rows(stream, CANDIDATES)))


def _entrants(contenders: Sequence[Contender]) -> list[Entrant]:
    """Candidates as a leaderboard sorts them."""
    loader = DrawnResults()
    found = [
        Entrant(each, fmean(getattr(row, METRIC) for row in each.figures.values()), rows)
        for each, rows in zip(contenders, load_rows(contenders, loader), strict=True)
    ]
    return sorted(found, key=lambda each: -each.value)
