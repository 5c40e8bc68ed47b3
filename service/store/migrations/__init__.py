"""Brings a database to the current schema: by Alembic, on SQLite and Postgres alike, by the launcher alone."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.engines import Engine, NoEngine
from service.store.database import Database

ADVISORY_LOCK = 0x484F4C44
"""Of two launchers on one Postgres, the second waits and then finds nothing to do."""


def config() -> Config:
    """Alembic's configuration, without a file."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return configuration


@cache
def newest() -> str | None:
    """The schema that this version of the code needs."""
    return ScriptDirectory.from_config(config()).get_current_head()


def applied(connection: Connection) -> str | None:
    """The schema that the database has."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, engine: Engine | None = None) -> None:
    """Apply every migration that the database lacks, and what `engine` needs, in one transaction."""
    database.prepare()
    configuration = config()
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL lock_timeout = 0"))  # another launcher may migrate for long
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        (engine or NoEngine()).migrate(connection)
