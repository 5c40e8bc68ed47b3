"""Without a message broker: agents in this process are woken after the commit, all others poll ten times a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from service.notifiers.notifier import Wakeable
from service.store.database import after_commit


class PollingNotifier:
    """Wakes the agents of its own process, which is enough for one machine."""

    def __init__(self) -> None:
        self._agents: tuple[Wakeable, ...] = ()

    def wake(self, connection: Connection, experiment_id: int, *, queued_runs: int = 0) -> None:
        after_commit(connection, self._wake_agents)

    @contextmanager
    def listening(self, agent: Wakeable) -> Iterator[None]:
        self._agents = (*self._agents, agent)
        try:
            yield
        finally:
            self._agents = tuple(each for each in self._agents if each is not agent)

    def migrate(self, connection: Connection) -> None:
        pass

    def _wake_agents(self) -> None:
        for agent in self._agents:
            agent.wake()
