"""A service on a port of its own in this process, without workers: a fake worker stores what they would report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from httpx2 import Client

from service.launcher import in_thread, server_config
from service.settings import Settings
from service.store.database import Database
from tests.service.fake_worker import FakeWorker


@dataclass
class Live:
    """The application, and a client of it. Of the database, the application's own."""

    app: FastAPI
    client: Client
    fake_worker: FakeWorker

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
    config = server_config(settings.model_copy(update={"port": 0}))
    assert isinstance(config.app, FastAPI)
    with in_thread(config) as url, Client(base_url=url, timeout=90) as client:
        yield Live(config.app, client, FakeWorker(client, config.app.state.database))
