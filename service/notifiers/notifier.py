"""The interface of a notifier, and of the agents that it wakes."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Wakeable(Protocol):
    """An agent, as far as a notifier knows it."""

    def wake(self) -> None:
        """Look at the queue at once. May be called from any thread."""

    @property
    def is_full(self) -> bool:
        """Whether a run that is queued now would have to wait for a free worker of this agent."""


class Notifier(Protocol):
    """Wakes agents as soon as a transaction has committed, so that none waits for its next poll."""

    def wake(self, connection: Connection, experiment_id: int, *, queued_runs: int = 0) -> None:
        """When the write transaction of `connection` commits, and only then, wake agents.

        Agents in this process are woken once, whatever has changed: a cancellation concerns them too. Agents on other
        machines are woken once for each of the runs that the transaction has queued.
        """

    def listening(self, agent: Wakeable) -> AbstractContextManager[None]:
        """Wake `agent` for as long as the context lasts."""

    def migrate(self, connection: Connection) -> None:
        """Create the tables that the notifier itself needs, if they are missing, in the caller's transaction."""
