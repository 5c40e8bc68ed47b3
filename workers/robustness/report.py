"""The report on corrupted rows: each metric under each corruption, how much worse it is, and the classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.confusion import confusion_matrix
from workers.nn.arrays import Integers
from workers.robustness.battery import Cell
from workers.robustness.drops import Drop, DropEstimator
from workers.robustness.predictions import Predicted

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CellReport:
    """One cell, or the mean of several. corruption, severity: None where the mean is over all of them.

    drops: by metric. classes: the recall of each class, mean over the models; None of a class without rows.
    """

    corruption: str | None
    severity: int | None
    level: float | None
    drops: Mapping[str, Drop]
    classes: Sequence[float | None]

    @property
    def worst_class(self) -> int | None:
        """The index of the class with the lowest recall."""
        known = [(recall, index) for index, recall in enumerate(self.classes) if recall is not None]
        return min(known)[1] if known else None

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """As the response has it. names: of the classes."""
        worst = self.worst_class
        return {
            "corruption": self.corruption,
            "severity": self.severity,
            "level": self.level,
            "figures": [{"metric": metric, **drop.to_json()} for metric, drop in self.drops.items()],
            "worst_class": None if worst is None else names[worst],
            "worst_class_accuracy": None if worst is None else self.classes[worst],
            "classes": list(self.classes),
        }


@dataclass(frozen=True)
class RobustnessReport:
    """clean: the models on the rows as they are. means: over the severities of each corruption. mean: over all."""

    clean: CellReport
    cells: Sequence[CellReport]
    means: Sequence[CellReport]
    mean: CellReport

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        return {
            "clean": self.clean.to_json(names),
            "items": [each.to_json(names) for each in self.cells],
            "means": [each.to_json(names) for each in self.means],
            "mean": self.mean.to_json(names),
        }


def report(
    cells: Sequence[Cell],
    clean: Sequence[Predicted],
    corrupted: Sequence[Sequence[Predicted]],
    estimator: DropEstimator,
    labels: Sequence[Integers],
    classes: int,
) -> RobustnessReport:
    """clean: the predictions of each fold. corrupted: the same of each cell. labels: of the rows of each fold.

    classes: their number; 0 of a regression.
    """
    drops = estimator.drops(clean, corrupted)
    recalls = np.stack([_recalls(each, labels, classes) for each in (clean, *corrupted)])
    found = [
        CellReport(cell.corruption, cell.severity, cell.level, drop, _known(recall))
        for cell, drop, recall in zip(cells, drops.cells, recalls[1:], strict=True)
    ]
    names = list(dict.fromkeys(cell.corruption for cell in cells))
    groups = {name: [index for index, cell in enumerate(cells) if cell.corruption == name] for name in names}
    means = [
        CellReport(name, None, None, drops.mean_of(places), _known(recalls[1:][places].mean(axis=0)))
        for name, places in groups.items()
    ]
    everything = list(range(len(cells)))
    return RobustnessReport(
        CellReport(None, None, None, drops.clean, _known(recalls[0])),
        found,
        means,
        CellReport(None, None, None, drops.mean_of(everything), _known(recalls[1:].mean(axis=0))),
    )


def _recalls(predicted: Sequence[Predicted], labels: Sequence[Integers], classes: int) -> Floats:
    """The recall of each class (K,), mean over the models of all folds; NaN of a class without rows."""
    found = [
        _recall(labels_of_fold, model.astype(np.int64), classes)
        for of_fold, labels_of_fold in zip(predicted, labels, strict=True)
        for model in of_fold
    ]
    if not classes:
        return np.empty(0)
    table = np.stack(found)
    known = np.isfinite(table)
    totals = np.where(known, table, 0).sum(axis=0)
    count = known.sum(axis=0)
    return np.asarray(np.divide(totals, count, out=np.full(classes, np.nan), where=count > 0))


def _recall(labels: Integers, predicted: Integers, classes: int) -> Floats:
    if not classes:
        return np.empty(0)
    matrix = confusion_matrix(labels, predicted, classes)
    support = matrix.sum(axis=1)
    right = np.diagonal(matrix)
    return np.asarray(np.divide(right, support, out=np.full(classes, np.nan), where=support > 0))


def _known(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
