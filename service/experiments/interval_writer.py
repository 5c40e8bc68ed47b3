"""Stores the intervals of experiments that have ended, in a thread of its own, so that no lease waits for them."""

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from service.experiments.intervals import IntervalService

log = logging.getLogger("holdout.intervals")


class IntervalWriter:
    """If a process ends before it has stored intervals, readers compute the same ones."""

    def __init__(self, intervals: IntervalService) -> None:
        self._intervals = intervals
        self._thread = ThreadPoolExecutor(1, "intervals")

    def runs_ended(self, experiment_ids: Collection[int]) -> None:
        """Store the intervals of those of these experiments that have ended. Returns at once."""
        for experiment_id in experiment_ids:
            self._thread.submit(self._store, experiment_id)

    def close(self) -> None:
        """Finish the present experiment, and leave out the others."""
        self._thread.shutdown(cancel_futures=True)

    def _store(self, experiment_id: int) -> None:
        try:
            self._intervals.store(experiment_id)
        except Exception as error:
            log.warning("the intervals of experiment %s are not stored: %s", experiment_id, error)
