"""The agent, with a pool that says what a test tells it to."""

import pytest

from service.agent.agent import Agent
from service.settings import Settings
from tests.harness import Harness
from tests.service.agent.scripted.pool import ScriptedPool


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is tested here is Python; the statements are tested on both databases elsewhere."""
    return sqlite_url


@pytest.fixture
def pool() -> ScriptedPool:
    return ScriptedPool()


@pytest.fixture
def agent(harness: Harness, settings: Settings, pool: ScriptedPool) -> Agent:
    return Agent(harness.database, harness.registry, settings, pool)
