"""The figures of consecutive epochs as columns: a process sends them many times a second, and arrays are sent whole.

Pickled one by one, the epochs of a short run took longer to read than to train one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.evaluation import Evaluation
from workers.evaluation.metrics import BY_NAME
from workers.nn.arrays import Integers
from workers.training import Epoch

Floats = NDArray[np.float64]

PARTS = ("train", "validation")
"""What an epoch is evaluated on, in the order of the columns."""


@dataclass(frozen=True, eq=False)
class EvaluationColumns:
    """Evaluations of n parts, with equally many classes.

    rows: (n,). metrics: (n, M), in the order of the registry; NaN for null, as no evaluation has a metric that is
    not finite. confusions: (n, K, K), in the smallest type that holds them; (n, 0, 0) of a regression. bins: of a
    regression, `Evaluation.bins` of each.
    """

    rows: Integers
    metrics: Floats
    confusions: Integers
    bins: list[dict[str, list[Any]]] | None

    @staticmethod
    def of(evaluations: Sequence[Evaluation]) -> "EvaluationColumns":
        """Of at least one evaluation."""
        confusions = np.stack([each.confusion for each in evaluations])
        values = [[each.metrics[name] for name in BY_NAME] for each in evaluations]
        bins = [each.bins for each in evaluations if each.bins is not None]
        return EvaluationColumns(
            rows=np.array([each.rows for each in evaluations]),
            metrics=np.array(values, np.float64),
            confusions=confusions.astype(np.min_scalar_type(confusions.max(initial=0))),
            bins=bins or None,
        )

    def __getitem__(self, chosen: slice) -> "EvaluationColumns":
        """Some of the parts."""
        bins = self.bins and self.bins[chosen]
        return EvaluationColumns(
            self.rows[chosen], self.metrics[chosen], self.confusions[chosen], bins or None
        )


@dataclass(frozen=True, eq=False)
class EpochColumns:
    """The fields of `Epoch` for E consecutive epochs of one run, each (E,).

    drawn: (E, K). learning_rates: NaN for the epoch of a linear model, which has none. evaluations: of 2 E parts, the
    training part of an epoch before its validation part.
    """

    numbers: Integers
    best_epochs: Integers
    drawn: Integers
    learning_rates: Floats
    gradient_norms: Floats
    seconds: Floats
    evaluations: EvaluationColumns

    @staticmethod
    def of(epochs: Sequence[Epoch]) -> "EpochColumns":
        """Of at least one epoch."""
        return EpochColumns(
            numbers=np.array([epoch.number for epoch in epochs]),
            best_epochs=np.array([epoch.best_epoch for epoch in epochs]),
            drawn=np.stack([epoch.drawn for epoch in epochs]),
            learning_rates=np.array([epoch.learning_rate for epoch in epochs], np.float64),
            gradient_norms=np.array([epoch.gradient_norm for epoch in epochs]),
            seconds=np.array([epoch.seconds for epoch in epochs]),
            evaluations=EvaluationColumns.of(
                [part for epoch in epochs for part in (epoch.training, epoch.validation)]
            ),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def after(self, number: int) -> "EpochColumns":
        """The epochs after one; there may be none."""
        start = int(np.searchsorted(self.numbers, number, side="right"))
        if start == 0:
            return self
        of_epochs = {
            name: values[start:] for name, values in vars(self).items() if isinstance(values, np.ndarray)
        }
        return replace(self, **of_epochs, evaluations=self.evaluations[len(PARTS) * start :])


def with_nulls(values: Floats) -> list[float | None]:
    """A column (n,) of a table, with null in place of NaN."""
    column: list[float | None] = values.tolist()
    if np.isnan(values).any():
        return [None if value != value else value for value in column]
    return column
