"""What the candidates of a sweep predicted for the same rows, gathered from the row-level results of their runs.

Of a cross-validation, the evaluation parts of all folds are put together: a repeat and a seed have predicted each row
once.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.experiments.contenders import Contender
from service.experiments.row_results import RowResultsLoader
from service.store.epochs.epoch_export import ExportCutShort
from service.store.errors import UnusableRowResults
from workers.evaluation.paired_bootstrap import changes_of_errors
from workers.evaluation.row_results import RowResults
from workers.nn.arrays import Integers

log = logging.getLogger("holdout.sweeps")


@dataclass(frozen=True, eq=False)
class CandidateRows:
    """The predictions (S, N) of one candidate, classes or, in a regression, numbers. labels: (N,); targets: (N,).

    rows: a hash of the data set, the rows and their labels. Candidates are compared if theirs are the same.
    """

    predictions: NDArray[Any]
    labels: Integers
    targets: NDArray[np.float64] | None
    rows: str
    _changes: dict[int, Any] = field(default_factory=dict, repr=False)

    def changes_of_errors(self, classes: int) -> Any:
        """What its errors change in the margins (`paired_bootstrap.changes_of_errors`), computed once."""
        if classes not in self._changes:
            self._changes[classes] = changes_of_errors(self.predictions, self.labels, classes)
        return self._changes[classes]


def load_rows(contender: Contender, loader: RowResultsLoader) -> CandidateRows | None:
    """The rows of a candidate; None if a run has none, or they cannot be read, which is logged."""
    if not contender.row_results or contender.row_results.keys() != contender.figures.keys():
        return None
    groups: dict[tuple[int, int], list[RowResults]] = {}
    try:
        loaded = loader.load_all(list(contender.row_results.values()))
        for key, results in zip(contender.row_results, loaded, strict=True):
            groups.setdefault((key.repeat, key.seed), []).append(results)
    except (UnusableRowResults, ExportCutShort) as error:
        log.warning("the row-level results of experiment %s cannot be read: %s", contender.id, error)
        return None
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
