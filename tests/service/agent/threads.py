"""Agents in threads of the test, each with worker processes of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.agent.agent import Agent
from service.settings import Settings
from tests.harness import Harness

Start = Callable[..., Agent]
"""Starts an agent, with settings changed by name."""


@contextmanager
def agents_in_threads(harness: Harness, settings: Settings) -> Iterator[tuple[Start, list[Agent]]]:
    """What starts agents, and those that it has started. In the end all are stopped."""
    agents: list[Agent] = []

    def start(**changed: object) -> Agent:
        agent = Agent(harness.database, harness.registry, settings.model_copy(update=changed))
        agents.append(agent)
        agent.start()
        return agent

    try:
        yield start, agents
    finally:
        for agent in agents:
            agent.stop()
