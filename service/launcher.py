"""What starts and stops the processes of a service: migrate once, then serve or work until told to stop."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from service.agent import Agent
from service.app import create_app
from service.settings import Settings
from service.store import migrations
from service.store.database import Database
from workers.data.library import Library

SHUTDOWN_SECONDS = 5
"""How long open connections may take once the service was told to stop."""

log = logging.getLogger("holdout")


def serve(settings: Settings) -> None:
    """Run the API, with an embedded agent unless `settings.workers` is 0, until SIGTERM or SIGINT."""
    prepare(settings)
    config = _config(settings)
    listening = config.bind_socket()
    host, port = listening.getsockname()[:2]
    log.info("Holdout answers on http://%s:%s - Swagger UI on http://%s:%s/docs", host, port, host, port)
    uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """A service in a thread of this process, for as long as the context lasts; gives its URL."""
    prepare(settings)
    config = _config(settings)
    listening = config.bind_socket()
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="server")
    thread.start()
    try:
        yield "http://{}:{}".format(*listening.getsockname()[:2])
    finally:
        server.should_exit = True
        thread.join()


def work(settings: Settings) -> None:
    """Run an agent alone until SIGTERM or SIGINT; what it was training is handed back."""
    prepare(settings)
    agent = Agent(Database(settings.url), Library(settings.data_dir), settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.request_stop())
    log.info("Agent %s works on %s with %s processes", agent.name, agent.database.url, settings.workers)
    agent.run()


def prepare(settings: Settings) -> None:
    """Logging, and the current schema."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    migrate(settings)


def migrate(settings: Settings) -> None:
    """Bring the database to the current schema."""
    database = Database(settings.url)
    migrations.upgrade(database)
    database.close()


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
