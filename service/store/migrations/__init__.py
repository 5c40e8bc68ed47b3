"""Brings a database to the current schema: by Alembic, on SQLite and Postgres alike, by the launcher alone."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from service.store.database import Database

ADVISORY_LOCK = 0x484F4C44
"""Of two launchers on one Postgres, the second waits and then finds nothing to do."""


def config() -> Config:
    """Alembic's configuration, without a file."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return configuration


def upgrade(database: Database) -> None:
    """Apply every migration that the database lacks, in one transaction."""
    database.prepare()
    configuration = config()
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
