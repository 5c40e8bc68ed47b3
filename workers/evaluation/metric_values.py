"""The metrics of one evaluation, computed when they are read: one selects the epoch, and all others are read when it
is sent, for several epochs at once. In between, training fills the processor's caches.
"""

from collections.abc import Iterator, Mapping

from workers.evaluation.class_scores import Ranks
from workers.evaluation.confusion import Margins
from workers.evaluation.metrics import (
    BY_NAME,
    FROM_CONFUSION,
    FROM_LOSSES,
    FROM_RANKS,
    FROM_RESIDUALS,
    FROM_SCORES,
)
from workers.evaluation.per_row import MeanLoss, MeanScores

GROUPS = (FROM_LOSSES, FROM_CONFUSION, FROM_SCORES, FROM_RANKS, FROM_RESIDUALS)
GROUP_OF = {metric.name: index for index, group in enumerate(GROUPS) for metric in group}


class MetricValues(Mapping[str, float | None]):
    """Every metric of a classification by its name; null if it is undefined."""

    def __init__(self, loss: MeanLoss, margins: Margins, scores: MeanScores | None, ranks: Ranks) -> None:
        self._measured = (loss, margins, scores, ranks, None)
        self._values: dict[str, float | None] = {}

    def __getitem__(self, name: str) -> float | None:
        if name not in self._values:
            measured = self._measured[GROUP_OF[name]]
            self._values[name] = None if measured is None else BY_NAME[name].formula(measured)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(BY_NAME)

    def __len__(self) -> int:
        return len(BY_NAME)

    def __repr__(self) -> str:
        return repr(dict(self))
