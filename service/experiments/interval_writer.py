"""Stores the intervals of experiments that have ended, in a thread of its own, so that no lease waits for them."""

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from service.experiments.intervals import IntervalService

log = logging.getLogger("holdout.intervals")


PATIENCE_SECONDS = 600.0
"""How long intervals wait for the end of the training: to compute them takes as long as many a short run. Meanwhile
who reads a summary has them computed."""
PAUSE_SECONDS = 0.1


class IntervalWriter:
    """If a process ends before it has stored intervals, readers compute the same ones."""

    def __init__(self, intervals: IntervalService, is_training: Callable[[], bool] = lambda: False) -> None:
        """is_training: whether all worker processes have a run. Then the intervals wait for a while."""
        self._intervals, self._is_training = intervals, is_training
        self._closing = Event()
        self._thread = ThreadPoolExecutor(1, "intervals")

    def runs_ended(self, experiment_ids: Collection[int]) -> None:
        """Store the intervals of those of these experiments that have ended. Returns at once."""
        for experiment_id in experiment_ids:
            self._thread.submit(self._store, experiment_id, time.monotonic())

    def close(self) -> None:
        """Finish the present experiment, and leave out the others."""
        self._closing.set()
        self._thread.shutdown(cancel_futures=True)

    def _store(self, experiment_id: int, ended_at: float) -> None:
        while self._is_training() and time.monotonic() - ended_at < PATIENCE_SECONDS:
            if self._closing.wait(PAUSE_SECONDS):
                return
        try:
            self._intervals.store(experiment_id)
        except Exception as error:
            log.warning("the intervals of experiment %s are not stored: %s", experiment_id, error)
