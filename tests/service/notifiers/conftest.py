"""A Postgres database with the tables of Holdout and of Procrastinate."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from service.notifiers import Notifier, notifier_of
from service.settings import Settings
from service.store import migrations
from service.store.database import Database
from tests.postgresql import PostgreSQL


@pytest.fixture
def settings(postgresql: PostgreSQL) -> Iterator[Settings]:
    pytest.importorskip("procrastinate", reason="the extra [cluster] is not installed")
    name = f"cluster_{uuid4().hex[:8]}"
    yield Settings(database_url=postgresql.create(name), engine="procrastinate")
    postgresql.drop(name)


@pytest.fixture
def notifier(settings: Settings) -> Notifier:
    """The notifier of the machine that submits."""
    return notifier_of(settings)


@pytest.fixture
def remote(settings: Settings) -> Notifier:
    """The notifier of a machine that only works."""
    return notifier_of(settings)


@pytest.fixture
def database(settings: Settings, notifier: Notifier) -> Iterator[Database]:
    database = Database(settings.url)
    migrations.upgrade(database, notifier.migrate)
    yield database
    database.close()
