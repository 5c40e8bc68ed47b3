"""The rows that most models get wrong, and what they are taken for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.row_results import RowResultsLoader
from service.schemas.row_results import Misclassified, MisclassifiedRow, RowConfusion, TakenFor
from workers.evaluation.row_results import RowResults
from workers.nn.arrays import Integers


@dataclass(frozen=True)
class HardRow:
    """A row that `wrong` of `runs` models misclassified. score: the mean score of its true class.

    predicted: how many models predicted each wrong class.
    """

    row: int
    label: int
    wrong: int
    runs: int
    score: float | None
    predicted: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class HardRows:
    """The hardest rows first: those that most models got wrong, of equal ones that with the lowest score.

    rows: all that were evaluated. wrong_once, wrong_in_most, wrong_in_all: how many of them at least one model got
    wrong, more than half of the models, and all.
    """

    rows: int
    wrong_once: int
    wrong_in_most: int
    wrong_in_all: int
    items: list[HardRow]

    @property
    def confusions(self) -> list[tuple[int, int, int]]:
        """(true class, predicted class, predictions) of the listed rows, the most frequent first."""
        counts: Counter[tuple[int, int]] = Counter()
        for item in self.items:
            counts.update({(item.label, predicted): n for predicted, n in item.predicted.items()})
        return [(*pair, n) for pair, n in sorted(counts.items(), key=lambda each: (-each[1], each[0]))]


def hardest_rows(
    loader: RowResultsLoader, runs: Sequence[Row[Any]], *, dataset_rows: int, limit: int
) -> HardRows:
    """Find the `limit` hardest rows of a data set of that size. The results of one run are in memory at a time."""
    totals = _Totals(dataset_rows)
    for run in runs:
        totals.add(loader.load(run))
    hardest = totals.hardest(limit)
    items = {row: totals.hard_row(row) for row in hardest.tolist()}
    for run in runs:
        _count_predictions(items, hardest, loader.load(run))
    wrong, measured = totals.wrong, totals.measured
    return HardRows(
        rows=int(np.count_nonzero(measured)),
        wrong_once=int(np.count_nonzero(wrong)),
        wrong_in_most=int(np.count_nonzero(2 * wrong > measured)),
        wrong_in_all=int(np.count_nonzero((wrong == measured) & (measured > 0))),
        items=list(items.values()),
    )


def misclassified(found: HardRows, *, runs: int, classes: Sequence[str]) -> Misclassified:
    """The response for the hardest rows among `runs` models, with the names of the classes."""
    items = [
        MisclassifiedRow(
            row=item.row,
            class_=classes[item.label],
            wrong=item.wrong,
            runs=item.runs,
            score=item.score,
            predicted=[TakenFor(class_=classes[k], runs=n) for k, n in item.predicted.most_common()],
        )
        for item in found.items
    ]
    confusions = [
        RowConfusion(class_=classes[label], predicted=classes[predicted], predictions=n)
        for label, predicted, n in found.confusions
    ]
    counts = {name: getattr(found, name) for name in ("rows", "wrong_once", "wrong_in_most", "wrong_in_all")}
    return Misclassified(runs=runs, **counts, items=items, confusions=confusions)


class _Totals:
    """Sums over the runs for each row of the data set; rows outside of the evaluated part stay 0."""

    def __init__(self, rows: int) -> None:
        self.measured, self.wrong = np.zeros((2, rows), np.int32)
        self.scores = np.zeros(rows)
        self.labels = np.zeros(rows, np.int32)
        self.has_scores = True

    def add(self, results: RowResults) -> None:
        """Add a run. No row occurs twice in it."""
        self.measured[results.rows] += 1
        self.wrong[results.rows] += results.predicted != results.labels
        self.labels[results.rows] = results.labels
        if results.score is None:
            self.has_scores = False
        else:
            self.scores[results.rows] += results.score

    def hardest(self, limit: int) -> Integers:
        """The `limit` rows with the most errors, then the lowest mean score, then the lowest index."""
        rows = np.flatnonzero(self.wrong)
        score = self.scores[rows] / self.measured[rows] if self.has_scores else np.zeros(len(rows))
        return rows[np.lexsort((rows, score, -self.wrong[rows]))[:limit]]

    def hard_row(self, row: int) -> HardRow:
        score = float(self.scores[row] / self.measured[row]) if self.has_scores else None
        return HardRow(row, int(self.labels[row]), int(self.wrong[row]), int(self.measured[row]), score)


def _count_predictions(items: dict[int, HardRow], hardest: Integers, results: RowResults) -> None:
    """Add what a run predicted for the hardest rows, where it was wrong."""
    found = np.flatnonzero(np.isin(results.rows, hardest) & (results.predicted != results.labels))
    pairs: Iterable[tuple[int, int]] = zip(
        results.rows[found].tolist(), results.predicted[found].tolist(), strict=True
    )
    for row, predicted in pairs:
        items[row].predicted[predicted] += 1
