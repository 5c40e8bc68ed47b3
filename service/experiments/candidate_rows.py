"""What the candidates of a sweep predicted for the same rows, gathered from the row-level results of their runs.

Of a cross-validation, the evaluation parts of all folds are put together: a repeat and a seed have predicted each row
once.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.experiments.contenders import Contender
from service.experiments.row_results import RowResultsLoader
from service.store.epochs.epoch_export import ExportCutShort
from service.store.errors import UnusableRowResults
from workers.evaluation.row_results import RowResults
from workers.nn.arrays import Integers

log = logging.getLogger("holdout.sweeps")

READ_TOGETHER = 50
"""Candidates whose rows one transaction reads."""


@dataclass(frozen=True, eq=False)
class CandidateRows:
    """The predictions (S, N) of one candidate, classes or, in a regression, numbers. labels: (N,); targets: (N,).

    rows: a hash of the data set, the rows and their labels. Candidates are compared if theirs are the same.
    """

    predictions: NDArray[Any]
    labels: Integers
    targets: NDArray[np.float64] | None
    rows: str


def load_rows(contenders: Sequence[Contender], loader: RowResultsLoader) -> Iterator[CandidateRows | None]:
    """The rows of each candidate; None if a run has none, or they cannot be read, which is logged."""
    for start in range(0, len(contenders), READ_TOGETHER):
        these = contenders[start : start + READ_TOGETHER]
        complete = [each for each in these if _is_complete(each)]
        try:
            found = iter(loader.load_all([run for each in complete for run in each.row_results.values()]))
        except (UnusableRowResults, ExportCutShort):
            yield from (_alone(each, loader) for each in these)
        else:
            yield from (_gathered(each, found) if _is_complete(each) else None for each in these)


def _is_complete(contender: Contender) -> bool:
    return bool(contender.row_results) and contender.row_results.keys() == contender.figures.keys()


def _alone(contender: Contender, loader: RowResultsLoader) -> CandidateRows | None:
    if not _is_complete(contender):
        return None
    try:
        return _gathered(contender, iter(loader.load_all(list(contender.row_results.values()))))
    except (UnusableRowResults, ExportCutShort) as error:
        log.warning("the row-level results of experiment %s cannot be read: %s", contender.id, error)
        return None


def _gathered(contender: Contender, results: Iterator[RowResults]) -> CandidateRows | None:
    """The rows of a candidate; the next results are those of its runs."""
    groups: dict[tuple[int, int], list[RowResults]] = {}
    for key in contender.row_results:
        groups.setdefault((key.repeat, key.seed), []).append(next(results))
    joined = [_joined(each) for each in groups.values()]
    first = joined[0]
    if any(not np.array_equal(each.rows, first.rows) for each in joined):
        return None
    return CandidateRows(
        np.stack([_predicted(each) for each in joined]),
        first.labels.astype(np.int64),
        first.targets,
        _hash(contender, first),
    )


def _joined(folds: Sequence[RowResults]) -> RowResults:
    """The results of the folds of one repeat and seed as one, in the order of the rows."""
    if len(folds) == 1:
        return folds[0]
    order = np.argsort(np.concatenate([each.rows for each in folds]), kind="stable")

    def joined(name: str) -> Any:
        arrays = [getattr(each, name) for each in folds]
        if arrays[0] is None or not len(arrays[0]):
            return arrays[0]
        return np.concatenate(arrays)[order]

    names = ("rows", "labels", "predicted", "prediction", "targets")
    return RowResults(**{name: joined(name) for name in names}, score=None, confidence=None)


def _predicted(results: RowResults) -> NDArray[Any]:
    return results.predicted if results.prediction is None else results.prediction


def _hash(contender: Contender, results: RowResults) -> str:
    digest = hashlib.sha256(contender.dataset["sha256"].encode() + results.rows.tobytes())
    digest.update(results.labels.astype(np.int64).tobytes())
    digest.update(b"" if results.targets is None else results.targets.tobytes())
    return digest.hexdigest()
