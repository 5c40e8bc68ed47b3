"""What every engine is."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Wakeable(Protocol):
    """Who is woken: an agent, as far as an engine knows it."""

    def ring(self) -> None:
        """Look at the queue at once. Called from any thread."""

    @property
    def is_full(self) -> bool:
        """Whether a run that is queued now would have to wait here."""


class Notifier(Protocol):
    """Tells agents on other machines that there is work, sooner than they would look by themselves."""

    def announce(self, connection: Connection, experiment_id: int, runs: int) -> None:
        """Ring once for each queued run of an experiment, if and when the transaction of `connection` commits."""

    def listening(self, agent: Wakeable) -> AbstractContextManager[None]:
        """Ring `agent` when something was announced, for as long as the context lasts."""

    def migrate(self, connection: Connection) -> None:
        """Create the tables that the engine itself needs, if they are not there, in the caller's transaction."""
