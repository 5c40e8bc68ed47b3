"""The notifier on Procrastinate, a task queue on Postgres: its jobs wake agents on any number of machines.

A job says only that there is work, not which. It is inserted in the transaction that queues the runs, and the agent
that takes it looks at the rows. If that agent is killed, another one is given its job after half a minute.
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
from service.notifiers.polling import PollingNotifier
from service.store.engine.postgresql import with_keepalives

log = logging.getLogger("holdout.engine")

QUEUE = "holdout"
WAKE = "holdout.wake"
RESCUE = "holdout.rescue"
HIGHEST_PRIORITY = 2**31 - 1
"""The highest priority that Procrastinate's column holds."""
CLAIM_SECONDS = 0.05
"""How long a woken agent has to claim its run before the job asks whether the agent is full."""
FULL_POLL_SECONDS = 0.1
"""How often the job of a full agent asks again."""
RECONNECT_SECONDS = 1.0
WARNING_INTERVAL_SECONDS = 60.0
"""Between two warnings in the log while there is no connection."""
JOB_SHUTDOWN_SECONDS = 0.2
"""How long a job may take to end by itself when the listening ends, ..."""
WORKER_SHUTDOWN_SECONDS = 2.0
"""... and how long the worker may take to tell the database."""


class ProcrastinateNotifier(PollingNotifier):
    """Defers jobs through the caller's connection, and runs them in a thread with an event loop of its own."""

    def __init__(self, url: str) -> None:
        super().__init__()
        # They would log a line for each job, and pages for each lost connection.
        for name in ("procrastinate", "psycopg.pool"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._conninfo = with_keepalives(make_url(url)).render_as_string(hide_password=False)
        self._deferring = App(connector=SyncPsycopgConnector())
        """Never opened: it only writes through connections that it is given."""

    def wake(self, connection: Connection, experiment_id: int, *, queued_runs: int = 0) -> None:
        super().wake(connection, experiment_id)
        if queued_runs:
            self._defer(connection, experiment_id, queued_runs)

    @contextmanager
    def listening(self, agent: Wakeable) -> Iterator[None]:
        listener = Listener(self._conninfo, agent)
        with super().listening(agent):
            listener.start()
            try:
                yield
            finally:
                listener.stop()

    def migrate(self, connection: Connection) -> None:
        if connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
            _psycopg(connection).execute(SchemaManager.get_schema())

    def _defer(self, connection: Connection, experiment_id: int, jobs: int) -> None:
        # The newest experiment first: agents also find runs by polling, and jobs left over from those runs must not
        # delay a job whose run is still queued.
        job = self._deferring.configure_task(
            WAKE, queue=QUEUE, priority=experiment_id, connection=_psycopg(connection)
        )
        try:
            job.batch_defer(*({} for _ in range(jobs)))
        except ConnectorException as error:
            raise OperationalError("defer", None, error.__cause__ or error) from error


class Listener:
    """A Procrastinate worker in a thread. After a lost connection it is started again, until `stop`."""

    def __init__(self, conninfo: str, agent: Wakeable) -> None:
        self._conninfo, self._agent = conninfo, agent
        self._warn_at = 0.0
        self._started = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._listen()), name="notifier", daemon=True)

    def start(self) -> None:
        """Listen until `stop`."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Finish the job that was taken, and end. This does not wait for a database that is away."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(WORKER_SHUTDOWN_SECONDS)

    async def _listen(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.create_task(self._work_on())
        self._started.set()
        await asyncio.wait([self._task])

    async def _work_on(self) -> None:
        while True:
            await self._work()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _work(self) -> None:
        """Run a worker until the database goes away. From then on the agent finds its work by polling."""
        why: object = "its connection was lost"
        try:
            app = _worker_app(self._conninfo, self._agent)
            async with app.open_async():
                await app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=1,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=JOB_SHUTDOWN_SECONDS,
                )
        except Exception as error:
            why = error.__cause__ or error
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + WARNING_INTERVAL_SECONDS
            log.warning("the notifier has no connection; trying again: %s", str(why).strip())


def _worker_app(conninfo: str, agent: Wakeable) -> App:
    """The tasks of a worker. An app belongs to one event loop, and its connections can be opened only once."""
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=3))

    @app.task(name=WAKE, queue=QUEUE)
    async def wake() -> None:
        """Wake the agent, and keep the job while it is full: so the next job goes to an agent with a free worker."""
        agent.wake()
        await asyncio.sleep(CLAIM_SECONDS)
        while agent.is_full:
            await asyncio.sleep(FULL_POLL_SECONDS)

    @app.periodic(cron="* * * * *")
    @app.task(name=RESCUE, queue=QUEUE, queueing_lock=RESCUE, priority=HIGHEST_PRIORITY)
    async def rescue(timestamp: int) -> None:  # noqa: ARG001 -- every periodic task is given it
        """Queue the jobs of workers without a heartbeat again."""
        for job in await app.job_manager.get_stalled_jobs(queue=QUEUE):
            await app.job_manager.retry_job(job)

    return app


def _psycopg(connection: Connection) -> "psycopg.Connection[Any]":
    """The driver's own connection, within the same transaction."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 -- SQLAlchemy's default driver for postgresql://
    return driver
