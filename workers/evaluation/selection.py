"""Which epoch is the best, by which metric, and when to stop waiting for a better one."""

import math
from typing import Annotated, TypedDict

from workers.evaluation.metrics import BY_NAME, SUMMARISED
from workers.tagged_union import OneOf

SelectionMetric = Annotated[str, OneOf([metric.name for metric in SUMMARISED])]
"""The name of a metric that a spec may give for the selection of epochs; always of the validation part."""


def better(metric: SelectionMetric, new: float, old: float, by_more_than: float = 0.0) -> bool:
    """Whether `new` beats `old` by more than `by_more_than`, in the direction of the metric."""
    gain = new - old if BY_NAME[metric].direction == "max" else old - new
    return gain > by_more_than


class SelectionState(TypedDict):
    """The state of a selection in a checkpoint, as JSON."""

    epoch: int | None
    value: float | None
    reference: float | None
    waited: int


class BestEpoch:
    """Tracks the best epoch, and stops after `patience` evaluations in a row without progress.

    The best epoch is the first with the best value. Progress is a value better by more than `min_delta` than
    the one at which progress was last made, so that slow and steady gains add up to progress.
    Without patience it never stops, and still tracks the best epoch.
    """

    def __init__(
        self, metric: SelectionMetric, *, patience: int | None = None, min_delta: float = 0.0
    ) -> None:
        self.metric, self.patience, self.min_delta = metric, patience, min_delta
        self.epoch: int | None = None
        self.value: float | None = None
        self.reference: float | None = None
        self.waited = 0

    def update(self, epoch: int, value: float | None) -> bool:
        """Add the value of an epoch; whether it is the best so far. Raises ValueError if it cannot be compared."""
        if value is None or not math.isfinite(value):
            raise ValueError(f"epoch {epoch} cannot be selected by {self.metric}: its value is {value}")
        if self._beats(value, self.reference, self.min_delta):
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
        improved = self._beats(value, self.value)
        if improved:
            self.epoch, self.value = epoch, value
        return improved

    @property
    def should_stop(self) -> bool:
        """Whether there was no progress for `patience` evaluations."""
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> SelectionState:
        """All that a resumed run needs to decide as if it had not been interrupted."""
        return {"epoch": self.epoch, "value": self.value, "reference": self.reference, "waited": self.waited}

    def load(self, state: SelectionState) -> None:
        """Continue from a state that `state()` returned."""
        self.epoch, self.value = state["epoch"], state["value"]
        self.reference, self.waited = state["reference"], state["waited"]

    def _beats(self, value: float, old: float | None, by_more_than: float = 0.0) -> bool:
        return old is None or better(self.metric, value, old, by_more_than)
