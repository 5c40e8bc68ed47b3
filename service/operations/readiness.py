"""The readiness checks behind `/ready`: schema, database, artifact store, embedded agent."""

import math
import time
from collections.abc import Iterator
from threading import Lock

from sqlalchemy import false, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.agent.agent import Agent
from service.operations.store_check import StoreCheck
from service.store import migrations
from service.store.database import Database
from service.store.engine.file_identity import DatabaseReplaced
from service.store.engine.lock_timeout import is_lock_timeout
from service.store.tables import Experiment
from workers.validation.errors import FieldError

CACHED_SECONDS = 1.0
"""How long the result of the checks counts."""
MAX_AGENT_SILENCE_SECONDS = 60.0
"""The agent's loop turns every second, but a locked database can block it for half a minute."""


class NotReady(RuntimeError):
    """A check failed. `errors` lists which."""

    def __init__(self, field_errors: list[FieldError]) -> None:
        self.field_errors = field_errors
        super().__init__(field_errors[0].message)


class Readiness:
    """Runs all checks, at most once a second: everybody may ask, and each check writes to the database."""

    def __init__(self, store: StoreCheck) -> None:
        self._store = store
        self._field_errors: list[FieldError] = []
        self._checked_at = -math.inf
        self._lock = Lock()

    def require(self, database: Database, agent: Agent | None) -> None:
        """Raises NotReady with every error."""
        with self._lock:
            if time.monotonic() - self._checked_at >= CACHED_SECONDS:
                self._field_errors = [*_database(database), *self._artifacts(), *_agent(agent)]
                self._checked_at = time.monotonic()
            field_errors = self._field_errors
        if field_errors:
            raise NotReady(field_errors)

    def _artifacts(self) -> Iterator[FieldError]:
        if self._store.has_failed():
            yield FieldError("artifacts", None, "the artifact store cannot be used; the log says why")


def _database(database: Database) -> Iterator[FieldError]:
    try:
        with database.read() as connection:
            schema = migrations.applied(connection)
            connection.execute(select(Experiment.id).limit(1)).all()
        if schema != migrations.newest():
            yield FieldError(
                "schema", schema, f"the schema should be {migrations.newest()}: {_how_to_migrate(schema)}"
            )
        if not _is_writable(database):
            yield FieldError("database", "read-only", "the database accepts no writes")
    except DatabaseReplaced as error:
        yield FieldError("database", "replaced", error.message)
    except (DBAPIError, PoolTimeout) as error:
        if isinstance(error, DBAPIError) and is_lock_timeout(error):
            yield FieldError("database", "locked", "another transaction holds the write lock of the database")
            return
        yield FieldError("database", None, "the database does not answer, or lacks some of its tables")


def _how_to_migrate(schema: str | None) -> str:
    return "run holdout migrate" if schema is None or schema in migrations.known() else migrations.REMEDY


def _is_writable(database: Database) -> bool:
    """Whether the database accepts an UPDATE, which here matches no row. Raises DBAPIError if it is locked."""
    no_row = update(Experiment).where(false()).values(name=Experiment.name)
    try:
        with database.write() as connection:
            connection.execute(no_row)
    except DBAPIError as error:
        if is_lock_timeout(error):
            raise
        return False
    return True


def _agent(agent: Agent | None) -> Iterator[FieldError]:
    if agent is None:
        return
    silence = time.monotonic() - agent.last_tick_at
    if silence > MAX_AGENT_SILENCE_SECONDS:
        yield FieldError("agent", round(silence), "the embedded agent has stopped: restart the service")
