"""One metric of a stored model on labelled rows, and of parts of them. It computes nothing but this metric."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset
from workers.evaluation.class_scores import ClassScores
from workers.evaluation.confusion import Margins, confusion_matrix
from workers.evaluation.metrics import (
    BY_NAME,
    FROM_CONFUSION,
    FROM_LOSSES,
    FROM_RANKS,
    FROM_RESIDUALS,
    FROM_SCORES,
)
from workers.evaluation.metrics.from_residuals import Residuals
from workers.evaluation.per_row import RowLosses, score
from workers.nn.arrays import Array, Integers
from workers.nn.losses import Quantile
from workers.predictor import Predictor
from workers.spec import ExperimentSpec


class ModelScoring:
    """The metric that selects epochs, as an epoch has it: a threshold of the spec does not count.

    part: the rows whose labels or targets the metric compares with.
    """

    def __init__(self, spec: ExperimentSpec, predictor: Predictor, part: Dataset) -> None:
        self.metric = BY_NAME[spec.selection_metric]
        self._spec, self._predictor = spec, predictor
        self._labels = np.asarray(part.labels)
        self._targets = None if part.targets is None else np.asarray(part.targets, np.float64)

    def values(self, features: Array | Integers, parts: Sequence[Integers]) -> NDArray[np.float64]:
        """The metric of rows (n, d) as the data set stores them, and of each part of them: (1 + P,).

        parts: indices of rows. NaN where a part has no value.
        """
        logits = self._predictor.logits(features)
        everything = np.arange(len(logits))
        return np.array([self._value(logits, rows) for rows in (everything, *parts)])

    def _value(self, logits: Array, rows: Integers) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            value = self.metric.formula(self._measured(logits[rows], rows)) if len(rows) else None
        return math.nan if value is None else float(value)

    def _measured(self, logits: Array, rows: Integers) -> Any:
        """What the formula of the metric takes."""
        if self.metric in FROM_RESIDUALS:
            assert self._targets is not None  # noqa: S101 -- only regressions have such metrics
            loss = self._spec.loss
            quantile = loss.quantile if isinstance(loss, Quantile) else 0.5
            return Residuals(self._targets[rows], self._predictor.numbers(logits)[:, 0], quantile)
        if self.metric in FROM_LOSSES:
            return RowLosses(self._spec.loss(logits, self._loss_labels(logits, rows))[0])
        labels, adjusted = self._labels[rows], self._predictor.adjusted(logits)
        if self.metric in FROM_CONFUSION:
            return Margins.of(confusion_matrix(labels, adjusted.argmax(axis=1), logits.shape[1]))
        if self.metric in FROM_SCORES:
            return score(adjusted, labels)
        assert self.metric in FROM_RANKS  # noqa: S101
        odds = score(adjusted, labels).odds if self._predictor.is_distribution else None
        return ClassScores.of(adjusted, labels, odds)

    def _loss_labels(self, logits: Array, rows: Integers) -> Any:
        if self._targets is None or not self._predictor.is_regression:
            return self._labels[rows]
        return self._predictor.standardised(self._targets[rows]).astype(logits.dtype)
