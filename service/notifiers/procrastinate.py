"""Procrastinate, a task queue on Postgres: its jobs wake agents on any number of machines.

A job says that there is work, and nothing of which: it is inserted in the transaction that queues the runs, and
whoever takes it looks at the rows. What a job's worker is killed with, another is given after half a minute.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import OperationalError

from service.notifiers.notifier import Wakeable
from service.store.database import impatient

log = logging.getLogger("holdout.engine")

QUEUE = "holdout"
WAKE = "holdout.wake"
RESCUE = "holdout.rescue"
FIRST = 2**31 - 1
"""The highest priority that Procrastinate's column holds."""
SETTLING_SECONDS = 0.05
"""What a woken agent is given to take its run, before it is asked whether it could take another."""
LOOK_SECONDS = 0.1
RECONNECT_SECONDS = 1.0
COMPLAINT_SECONDS = 60.0
"""Between two lines in the log while there is no connection."""
GOODBYE_SECONDS = 0.2
"""What a job is given to end by itself when the listening ends, ..."""
FAREWELL_SECONDS = 2.0
"""... and what the worker is given to tell the database."""


class ProcrastinateNotifier:
    """Announces through the caller's connection, and listens in a thread with an event loop of its own."""

    def __init__(self, url: str) -> None:
        for name in (
            "procrastinate",
            "psycopg.pool",
        ):  # a line for each job, and pages for each lost connection
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._conninfo = impatient(make_url(url)).render_as_string(hide_password=False)
        self._announcing = App(connector=SyncPsycopgConnector())
        """Never opened: it only writes through connections that it is given."""

    def announce(self, connection: Connection, experiment_id: int, runs: int) -> None:
        # The newest first: agents also find runs by themselves, and the jobs that were left over by then must not
        # stand before one that still has somebody to wake.
        job = self._announcing.configure_task(
            WAKE, queue=QUEUE, priority=experiment_id, connection=_psycopg(connection)
        )
        try:
            job.batch_defer(*({} for _ in range(runs)))
        except ConnectorException as error:
            raise OperationalError("announce", None, error.__cause__ or error) from error

    @contextmanager
    def listening(self, agent: Wakeable) -> Iterator[None]:
        listener = Listener(self._conninfo, agent)
        listener.start()
        try:
            yield
        finally:
            listener.stop()

    def migrate(self, connection: Connection) -> None:
        if connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
            _psycopg(connection).execute(SchemaManager.get_schema())


class Listener:
    """A Procrastinate worker in a thread, started again for as long as it is wanted."""

    def __init__(self, conninfo: str, agent: Wakeable) -> None:
        self._conninfo, self._agent = conninfo, agent
        self._complain_at = 0.0
        self._begun = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._listen()), name="doorbell", daemon=True)

    def start(self) -> None:
        """Listen until `stop`."""
        self._thread.start()
        self._begun.wait()

    def stop(self) -> None:
        """Finish what was taken, and leave; a database that is away is not waited for."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(FAREWELL_SECONDS)

    async def _listen(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.create_task(self._work_on())
        self._begun.set()
        await asyncio.wait([self._task])

    async def _work_on(self) -> None:
        while True:
            await self._work()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _work(self) -> None:
        """Run a worker until the database leaves it. From then on the agent finds its work by looking."""
        why: object = "its connection was lost"
        try:
            app = _worker_app(self._conninfo, self._agent)
            async with app.open_async():
                await app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=1,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=GOODBYE_SECONDS,
                )
        except Exception as error:
            why = error.__cause__ or error
        if time.monotonic() >= self._complain_at:
            self._complain_at = time.monotonic() + COMPLAINT_SECONDS
            log.warning("the doorbell is silent; trying again: %s", str(why).strip())


def _worker_app(conninfo: str, agent: Wakeable) -> App:
    """What a worker runs. An app belongs to one event loop and one life of its connections."""
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=3))

    @app.task(name=WAKE, queue=QUEUE)
    async def wake() -> None:
        """Ring, and keep the job until the agent has room: the next one goes to an agent that has."""
        agent.ring()
        await asyncio.sleep(SETTLING_SECONDS)
        while agent.is_full:
            await asyncio.sleep(LOOK_SECONDS)

    @app.periodic(cron="* * * * *")
    @app.task(name=RESCUE, queue=QUEUE, queueing_lock=RESCUE, priority=FIRST)
    async def rescue(timestamp: int) -> None:  # noqa: ARG001 -- every periodic task is given it
        """Hand on the jobs of workers that are not heard of any more."""
        for job in await app.job_manager.get_stalled_jobs(queue=QUEUE):
            await app.job_manager.retry_job(job)

    return app


def _psycopg(connection: Connection) -> "psycopg.Connection[Any]":
    """The driver's own connection, within the same transaction."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 -- SQLAlchemy's default driver for postgresql://
    return driver
