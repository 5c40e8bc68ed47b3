"""Metrics of ranks: which rows the scores of a class put first, and which place the true class of a row has."""

from collections.abc import Sequence

import numpy as np

from workers.evaluation.class_scores import ClassScores
from workers.evaluation.metrics.metric import metric
from workers.evaluation.ranking import macro


def all_of_one_class(counts: Sequence[int]) -> bool:
    return sum(count > 0 for count in counts) < 2


NOTHING_TO_RANK = "all rows are of one class"


@metric(direction="max", null_if=NOTHING_TO_RANK, null_for=all_of_one_class)
def auroc(rows: ClassScores) -> float | None:
    """Area under the ROC curve of each class against the rest, (pairs ordered rightly + ties / 2) / pairs; the mean.

    A pair is a row of the class and another row, the scores are the odds p_k / (1 - p_k), or without probabilities
    the outputs. The mean is over the classes present. 0.5 is chance, whatever the class frequencies.

    When: if rows are ranked, and a threshold is chosen later.
    Source: Hanley & McNeil 1982, The meaning and use of the area under a ROC curve.
    Oracle: sklearn.metrics.roc_auc_score(multi_class="ovr").
    """
    return macro(rows.areas.auroc.tolist())


@metric(direction="max", null_if=NOTHING_TO_RANK, null_for=all_of_one_class)
def average_precision(rows: ClassScores) -> float | None:
    """Average precision of each class against the rest, sum_i (R_i - R_{i-1}) P_i over distinct scores; the mean.

    R_i, P_i: recall and precision if all rows down to the i-th score are called the class, tied rows as one step. The
    mean is over the classes present. Chance is the share of the class, so it shows more of a rare class than AUROC.

    When: as auroc, if the class that you look for is rare.
    Source: Davis & Goadrich 2006, The relationship between precision-recall and ROC curves.
    Oracle: sklearn.metrics.average_precision_score.
    """
    return macro(rows.areas.average_precision.tolist())


@metric(
    direction="max",
    null_if="the data set has 3 classes or fewer",
    null_for=lambda counts: len(counts) <= 3,
)
def top_3_accuracy(rows: ClassScores) -> float | None:
    """Share of rows whose class is among the 3 with the largest scores.

    When: if three suggestions are shown.
    Oracle: sklearn.metrics.top_k_accuracy_score(k=3).
    """
    return _top(3, rows)


@metric(
    direction="max",
    null_if="the data set has 5 classes or fewer",
    null_for=lambda counts: len(counts) <= 5,
)
def top_5_accuracy(rows: ClassScores) -> float | None:
    """Share of rows whose class is among the 5 with the largest scores.

    When: if five suggestions are shown.
    Source: Russakovsky et al. 2015, ImageNet large scale visual recognition challenge.
    Oracle: sklearn.metrics.top_k_accuracy_score(k=5).
    """
    return _top(5, rows)


def _top(k: int, rows: ClassScores) -> float | None:
    """The share of rows on which fewer than k classes come before the true one; None if that is always so."""
    if rows.scores.shape[1] <= k:
        return None
    return int(np.count_nonzero(rows.places < k)) / len(rows.labels)


FROM_RANKS = (auroc, average_precision, top_3_accuracy, top_5_accuracy)
