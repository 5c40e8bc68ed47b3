"""Starts the processes of a service: migrates the database, then runs the API or an agent until a stop signal."""

import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from threading import Thread
from types import FrameType

import uvicorn

from service.agent.agent import Agent
from service.api.auth.authorization import require_closed_door
from service.api.transport.http_protocol import LimitedHttpProtocol
from service.app import create_app
from service.experiments.interval_writer import IntervalWriter
from service.experiments.intervals import IntervalService
from service.experiments.row_results import RowResultsLoader
from service.http.listening import bind
from service.notifiers import notifier_of
from service.operations import descriptors, logs
from service.operations.database_setup import migrate
from service.settings import Settings, UnusableSetting
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.blob_store import BlobStore, shared_blob_store
from service.store.database import Database
from workers.data.registry import DatasetRegistry
from workers.nn import kernels
from workers.processes import memory

SHUTDOWN_SECONDS = 5
"""How long open connections may take after a stop signal."""

log = logging.getLogger("holdout")


def serve(settings: Settings) -> None:
    """Run the API, with an embedded agent unless `settings.workers` is 0, until SIGTERM or SIGINT."""
    prepare(settings)
    require_closed_door(settings)
    config = server_config(settings)
    with bind(settings.host, settings.port) as listening:
        kernels.use_reference()
        server = Server(config)
        _on_hangup(partial(server.handle_exit, signal.SIGTERM))
        server.run(sockets=[listening])


class Server(uvicorn.Server):
    """A uvicorn server that, on a stop signal, also stops the agent while open connections are still served."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Log the URL once the server listens: until then, a bound socket refuses connections."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            log.info(
                "Holdout answers on http://%s:%s - Swagger UI on http://%s:%s/docs", host, port, host, port
            )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle SIGTERM and SIGINT."""
        self.config.app.state.request_stop()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def server_config(settings: Settings) -> uvicorn.Config:
    """The uvicorn configuration of a new application."""
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=LimitedHttpProtocol,
        ws="none",
        server_header=False,
        proxy_headers=False,  # `service.api.auth.client_addresses` reads them
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run a service in a thread of this process for as long as the context lasts. Yields its URL."""
    prepare(settings)
    with in_thread(server_config(settings)) as url:
        yield url


@contextmanager
def in_thread(config: uvicorn.Config) -> Iterator[str]:
    """Run a server in a thread for as long as the context lasts. Yields its URL.

    Raises RuntimeError if the server does not start.
    """
    server = uvicorn.Server(config)
    with bind(config.host, config.port) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="server")
        thread.start()
        try:
            while not server.started:  # a bound socket refuses connections until it listens
                if not thread.is_alive():
                    raise RuntimeError("The service did not start: its log says why")
                time.sleep(0.01)
            yield "http://{}:{}".format(*listening.getsockname()[:2])
        finally:
            config.app.state.request_stop()  # type: ignore[union-attr]
            server.should_exit = True
            thread.join()


def run_agent(settings: Settings) -> None:
    """Run an agent without the API until SIGTERM or SIGINT. Runs in training are released then."""
    prepare(settings)
    registry = DatasetRegistry(settings.data_dir, shared_blob_store(settings))
    artifacts = ArtifactStore(settings.artifacts_url)
    with (
        closing(Database(settings.url)) as database,
        closing(
            IntervalWriter(
                IntervalService(database, RowResultsLoader(database, artifacts)), lambda: agent.is_full
            )
        ) as intervals,
    ):
        agent = Agent(
            database, registry, settings, on_end=intervals.runs_ended, notifier=notifier_of(settings)
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.request_stop())
        _on_hangup(lambda _: agent.request_stop())
        log.info("Agent %s works on %s with %s processes", agent.name, database.url, settings.workers)
        agent.run()


def _on_hangup(stop: Callable[[FrameType | None], None]) -> None:
    """Stop cleanly when the terminal is closed, unless a program such as nohup has this signal ignored."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda _, frame: stop(frame))


def prepare(settings: Settings) -> None:
    """Configure memory, descriptors and logging, check settings, and migrate the database. Raises UnusableSetting."""
    memory.return_free_memory()
    descriptors.raise_limit()
    logs.configure(settings.log_level)
    if settings.engine != "none" and settings.artifacts is None:
        log.warning(
            "HOLDOUT_ARTIFACTS is not set: other machines find neither data sets nor large checkpoints"
        )
    BlobStore(settings.artifacts_url)
    choice = _kernels() if settings.workers else None
    migrate(settings)
    if choice:
        log.info("Training kernels: %s", choice)


def _kernels() -> kernels.Choice:
    """The training kernels that the workers will use. Raises UnusableSetting."""
    try:
        return kernels.choose()
    except ValueError as error:
        raise UnusableSetting(str(error)) from None
