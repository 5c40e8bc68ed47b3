"""A service on a port of its own in this process, without workers: what they would do, a laboratory does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import uvicorn
from fastapi import FastAPI
from httpx2 import Client

from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from tests.service.laboratory import Laboratory


@dataclass
class Live:
    """The application, and a client of it. Of the database, the application's own."""

    app: FastAPI
    client: Client
    laboratory: Laboratory

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    def request_stop(self) -> None:
        """As a signal would."""
        self.app.state.request_stop()


@contextmanager
def live(settings: Settings) -> Iterator[Live]:
    """A service on a migrated database, for as long as the context lasts."""
    app = create_app(settings)
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=5)
    listening = config.bind_socket()
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="server")
    thread.start()
    url = "http://{}:{}".format(*listening.getsockname()[:2])
    try:
        with Client(base_url=url, timeout=90) as client:
            client.get("/health").raise_for_status()
            yield Live(app, client, Laboratory(client, app.state.database))
    finally:
        app.state.request_stop()
        server.should_exit = True
        thread.join()
