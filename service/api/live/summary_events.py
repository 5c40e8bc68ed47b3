"""The event with the summary of an experiment that has ended: made once for all streams that follow it to its end.

The intervals in it are computed once, so the event comes as soon as they are known, and the `end` after it.
"""

import asyncio
from functools import partial

from fastapi.sse import format_sse_event

from service.api.thread_limiters import ThreadLimiter
from service.experiments.intervals import IntervalService
from service.experiments.summary import summarise
from service.schemas.events import SummaryEvent
from service.store import experiment_reader
from service.store.database import Database
from service.store.errors import UnknownExperiment
from service.store.status_reader import ExperimentState
from service.store.tables import FINAL_STATUSES


class SummaryEvents:
    """The summaries of one application. Used in one event loop."""

    def __init__(self, database: Database, intervals: IntervalService, threads: ThreadLimiter) -> None:
        self._database, self._intervals, self._threads = database, intervals, threads
        self._reading: dict[object, asyncio.Task[bytes]] = {}

    async def read(self, experiment_id: int, state: ExperimentState) -> bytes:
        """The event; empty if no run has a result, or if the experiment was deleted or goes on by now."""
        key = (experiment_id, state)
        if (task := self._reading.get(key)) is None:
            read = partial(self._event, experiment_id)
            self._reading[key] = task = asyncio.create_task(self._threads.run(read))
            task.add_done_callback(partial(self._end, key))
        return await asyncio.shield(task)

    def _end(self, key: object, task: asyncio.Task[bytes]) -> None:
        del self._reading[key]
        if not task.cancelled():
            task.exception()  # every stream that waited may have left

    def _event(self, experiment_id: int) -> bytes:
        try:
            with self._database.read() as connection:
                found = experiment_reader.find_experiment(connection, experiment_id)
        except UnknownExperiment:
            return b""
        if found.experiment.status not in FINAL_STATUSES:
            return b""
        summary = summarise(found, self._intervals.get(found))
        if summary is None:
            return b""
        event = SummaryEvent(status=found.experiment.status, summary=summary)
        return format_sse_event(event="summary", data_str=event.model_dump_json(by_alias=True))
