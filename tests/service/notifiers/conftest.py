"""A Postgres database with the tables of Holdout and of Procrastinate."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from service.notifiers import Notifier, notifier_of
from service.settings import Settings
from service.store import migrations
from service.store.database import Database
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def migrated_cluster(postgresql: PostgreSQL) -> str:
    """The name of a migrated database, to be copied: to migrate each anew took longer than most of the tests."""
    pytest.importorskip("procrastinate", reason="the extra [cluster] is not installed")
    settings = Settings(database_url=postgresql.create("cluster"), engine="procrastinate")
    with closing(Database(settings.url)) as database:
        migrations.upgrade(database, notifier_of(settings).migrate)
    return "cluster"


@pytest.fixture
def settings(postgresql: PostgreSQL, migrated_cluster: str) -> Iterator[Settings]:
    name = f"cluster_{uuid4().hex[:8]}"
    url = postgresql.create(name, template=migrated_cluster)
    yield Settings(database_url=url, engine="procrastinate")
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
def database(settings: Settings) -> Iterator[Database]:
    with closing(Database(settings.url)) as database:
        yield database
