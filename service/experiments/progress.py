"""The progress of an experiment over all its runs, and an estimate of the time left."""

from collections.abc import Sequence
from typing import Any

from service.schemas.experiments import ProgressState
from service.store.sweep_reader import SweepState
from service.store.tables import ACTIVE_STATUSES


def progress_of(runs: Sequence[Any]) -> ProgressState:
    """Epochs done and to do. A run that has ended counts as complete, even if it was stopped early."""
    epochs = sum(run.epochs if run.status in ACTIVE_STATUSES else run.epoch for run in runs)
    return ProgressState(epoch=sum(run.epoch for run in runs), epochs=epochs, eta_seconds=_eta(runs))


def progress_of_sweep(state: SweepState) -> ProgressState:
    """The same of all runs of a sweep."""
    figures = state.runs
    active = [figures[status] for status in ACTIVE_STATUSES if status in figures]
    done = sum(each.epoch for each in figures.values())
    left = sum(each.epochs - each.epoch for each in active) + _epochs_to_come(state)
    running = figures["running"].runs if "running" in figures else 0
    eta = None
    if running and done:
        pace: float = sum(each.training_seconds for each in figures.values()) / done
        eta = round(pace * max(max(each.longest for each in active), left / running), 1)
    return ProgressState(epoch=done, epochs=done + left, eta_seconds=eta)


def _epochs_to_come(state: SweepState) -> int:
    """Those of candidates that are not chosen yet, as many for each as the present ones have on average."""
    planned, candidates = sum(each.epochs for each in state.runs.values()), sum(state.candidates.values())
    return round(state.to_come * planned / candidates) if candidates else 0


def _eta(runs: Sequence[Any]) -> float | None:
    """Seconds until all runs have ended; None if none is running, or no epoch was timed yet.

    It is the longer of two times: that of the longest run alone, and that of all runs on as many processes as now.
    """
    running = sum(run.status == "running" for run in runs)
    timed = sum(run.epoch for run in runs)
    if not running or not timed:
        return None
    seconds_per_epoch: float = sum(run.training_seconds for run in runs) / timed
    left: list[int] = [run.epochs - run.epoch for run in runs if run.status in ACTIVE_STATUSES]
    epochs_to_wait: float = max(max(left), sum(left) / running)
    return round(seconds_per_epoch * epochs_to_wait, 1)
