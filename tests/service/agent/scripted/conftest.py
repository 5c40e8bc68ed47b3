"""The agent, with a pool whose events come from the test."""

import pytest

from service.agent.agent import Agent
from service.settings import Settings
from tests.harness import Harness
from tests.service.agent.scripted.pool import ScriptedPool


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: these tests are about the agent. The queue's tests run its statements on both databases."""
    return sqlite_url


@pytest.fixture
def pool() -> ScriptedPool:
    return ScriptedPool()


@pytest.fixture
def agent(harness: Harness, settings: Settings, pool: ScriptedPool) -> Agent:
    return Agent(harness.database, harness.registry, settings, pool)
