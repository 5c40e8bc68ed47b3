"""Migrate a database to the current schema with Alembic. Only the launcher does so, on SQLite and Postgres alike."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.settings import UnusableSetting
from service.store.database import Database

ADVISORY_LOCK = 0x484F4C44
"""If two launchers start on one Postgres, the second waits, and then has nothing to do."""

REMEDY = (
    "Install the newer version that migrated it, or restore the backup from before that (docs/operations.md)."
)


class UnknownSchema(UnusableSetting):
    """The database has a schema that this version of the code does not know: nothing may be read or written."""

    def __init__(self, schema: str, known: str | None) -> None:
        self.schema = schema
        super().__init__(
            f"The database has schema {schema}, and this version of Holdout knows only those up to {known}. {REMEDY}"
        )


def config() -> Config:
    """Alembic's configuration, without a file."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return configuration


@cache
def newest() -> str | None:
    """The schema that this version of the code needs."""
    return ScriptDirectory.from_config(config()).get_current_head()


@cache
def known() -> frozenset[str]:
    """Every schema that this version of the code can migrate."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(config()).walk_revisions())


def applied(connection: Connection) -> str | None:
    """The schema that the database has."""
    heads = MigrationContext.configure(connection).get_current_heads()
    return ", ".join(sorted(heads)) or None


def require_known(connection: Connection) -> None:
    """Raise UnknownSchema if a newer version of the code has migrated the database."""
    schema = applied(connection)
    if schema is not None and schema not in known():
        raise UnknownSchema(schema, newest())


def upgrade(database: Database, then: Callable[[Connection], None] | None = None) -> None:
    """Apply every migration that the database lacks, and `then` more changes, in one transaction.

    Raises UnknownSchema.
    """
    database.prepare()
    configuration = config()
    with database.rebuild() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL lock_timeout = 0"))  # another launcher may migrate for long
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        require_known(connection)
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        if then is not None:
            then(connection)
