"""How far an experiment is, and how long it may still take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from service.store.tables import ACTIVE


@dataclass(frozen=True)
class Progress:
    """Epochs done and to do over all runs; eta_seconds is null where nothing runs, or no epoch was timed yet."""

    epoch: int
    epochs: int
    eta_seconds: float | None

    @classmethod
    def of(cls, runs: Sequence[Any]) -> Self:
        """A run that is over is complete, even if it was stopped early."""
        epochs = sum(run.epochs if run.status in ACTIVE else run.epoch for run in runs)
        return cls(sum(run.epoch for run in runs), epochs, _eta(runs))


def _eta(runs: Sequence[Any]) -> float | None:
    """As long as the longest run takes alone, or all of them on as many processes as now."""
    running = sum(run.status == "running" for run in runs)
    timed = sum(run.epoch for run in runs)
    if not running or not timed:
        return None
    seconds_per_epoch: float = sum(run.training_seconds for run in runs) / timed
    left: list[int] = [run.epochs - run.epoch for run in runs if run.status in ACTIVE]
    epochs_to_wait: float = max(max(left), sum(left) / running)
    return round(seconds_per_epoch * epochs_to_wait, 1)
