"""What can be said of a pair of experiments: a difference over rows or folds, or no more than their means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from service.experiments.comparability import different_rows, measured_rows, why_not_comparable
from service.experiments.contenders import Pair
from service.experiments.fold_differences import fold_difference
from service.experiments.row_differences import UNREADABLE, RowDifference, RowDifferences, Unknown
from service.schemas.base import Remark
from service.store.run_keys import RunKey
from workers.evaluation.comparisons import McNemar
from workers.evaluation.differences import Difference, mean_and_sd
from workers.evaluation.metrics import BY_NAME

Claim = Literal["new_rows", "new_data", "these_rows"]
"""These models on new rows; the procedures on new data; or these models on these rows alone."""


@dataclass(frozen=True)
class Measurement:
    """The means of a pair, and the difference a minus b. tests: McNemar's, of each run.

    unchanging: whether the difference is the same in each fold. unknown: why there is no difference of new rows.
    """

    claim: Claim
    runs: Sequence[RunKey]
    mean_a: float
    mean_b: float
    sd: float | None
    difference: Difference | None
    tests: tuple[McNemar, ...] = ()
    unknown: Unknown | None = None

    @property
    def seeds(self) -> list[int]:
        """The seeds that were compared, ascending."""
        return sorted({run.seed for run in self.runs})

    @property
    def folds(self) -> int:
        """The folds of all repeats that were compared."""
        return len({run[:2] for run in self.runs})

    @property
    def value(self) -> float:
        """a minus b."""
        return self.difference.value if self.difference else self.mean_a - self.mean_b


def measure(pairs: Sequence[Pair], row_differences: RowDifferences) -> list[Measurement | Remark]:
    """What can be said of each pair, or why they cannot be compared. No transaction may be open."""
    reasons = [why_not_comparable(pair) for pair in pairs]
    comparable = [pair for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    of_rows = [pair for pair in comparable if not pair.of_folds]
    found = dict(zip(map(id, of_rows), row_differences.of(of_rows), strict=True))
    return [
        reason or (_of_folds(pair) if pair.of_folds else _of_rows(pair, found[id(pair)]))
        for pair, reason in zip(pairs, reasons, strict=True)
    ]


def all_final(found: Sequence[Measurement | Remark]) -> bool:
    """Whether the next request finds the same until something is written: unreadable files may be restored."""
    return not any(isinstance(each, Measurement) and each.unknown == UNREADABLE for each in found)


def _of_folds(pair: Pair) -> Measurement:
    found = fold_difference(pair)
    _, sd = mean_and_sd(found.means_a, found.means_b)
    means = fmean(found.means_a), fmean(found.means_b)
    if BY_NAME[pair.metric].without_interval:
        return Measurement("these_rows", pair.runs, *means, sd, None, unknown="without_interval")
    return Measurement("new_data", pair.runs, *means, sd, found.difference)


def _of_rows(pair: Pair, found: RowDifference | Unknown) -> Measurement | Remark:
    if isinstance(found, RowDifference):
        return _over_runs(pair, found.runs, "new_rows", found.difference, found.tests)
    if found == "different_rows" or measured_rows(pair.a) != measured_rows(pair.b):
        return different_rows(pair)
    return _over_runs(pair, pair.runs, "these_rows", unknown=found)


def _over_runs(
    pair: Pair,
    runs: Iterable[RunKey],
    claim: Claim,
    difference: Difference | None = None,
    tests: tuple[McNemar, ...] = (),
    unknown: Unknown | None = None,
) -> Measurement:
    runs = list(runs)
    values_a, values_b = pair.values(pair.a, runs), pair.values(pair.b, runs)
    _, sd = mean_and_sd(values_a, values_b)
    return Measurement(claim, runs, fmean(values_a), fmean(values_b), sd, difference, tests, unknown)
