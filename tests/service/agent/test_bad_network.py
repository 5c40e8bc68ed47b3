"""An agent whose database is behind a network with a latency of 300 ms that loses 5 % of the packets."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.agent.agent import Agent
from service.settings import Settings
from service.store.database import Database
from tests.harness import IRIS, Harness
from tests.network_proxy import NetworkProxy
from workers.data.registry import DatasetRegistry

if TYPE_CHECKING:
    from tests.postgresql import PostgreSQL

SOCKET = ".s.PGSQL.5432"


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    return postgresql_url


@pytest.fixture
def far_url(postgresql: "PostgreSQL", postgresql_url: str) -> Iterator[str]:
    """The URL of the same database, behind the bad network."""
    folder = Path(tempfile.mkdtemp(prefix="holdout-network-"))
    proxy = NetworkProxy(folder / SOCKET, postgresql.folder / SOCKET, latency=0.3, loss=0.05)
    yield postgresql_url.replace(str(postgresql.folder), str(folder))
    proxy.close()
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_agent_far_from_its_database_trains_without_a_death(
    harness: Harness, settings: Settings, far_url: str, record_property: Callable[[str, object], None]
) -> None:
    """The lease is the default one, of 15 s: a flush of some ten round trips has to fit into it."""
    far = Database(far_url)
    agent = Agent(
        far, DatasetRegistry(settings.data_dir), settings.model_copy(update={"database_url": far_url})
    )
    ids = [harness.submit(IRIS | {"training": {"epochs": epochs}}) for epochs in (3, 30)]
    started = time.monotonic()
    agent.start()
    try:
        for id_ in ids:
            harness.wait_for_end(id_, seconds=300)
            run, stored = harness.run(id_), harness.experiment(id_)
            assert (run.status, run.deaths, run.attempt) == ("succeeded", 0, 1)
            assert harness.figures(run) == harness.undisturbed(stored.spec)
    finally:
        agent.stop()
        far.close()
    record_property("shown", f"two runs behind a bad network ended after {time.monotonic() - started:.1f} s")
