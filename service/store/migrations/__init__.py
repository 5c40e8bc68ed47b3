"""Bring a database to the current schema. Only the launcher does so, on SQLite and Postgres alike.

A new database gets the tables that `tables.py` declares; one with tables is migrated with Alembic. Alembic and what
it imports take 12 MB, so it is imported only if there is something to migrate.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from service.settings import UnusableSetting
from service.store.database import Database
from service.store.tables import Base

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent
ADVISORY_LOCK = 0x484F4C44
"""If two launchers start on one Postgres, the second waits, and then has nothing to do."""

VERSIONS = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Where Alembic keeps which migrations were applied."""
VERSIONS.primary_key.name = "alembic_version_pkc"

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


def config() -> "Config":
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return configuration


@cache
def newest() -> str | None:
    """The schema that this version of the code needs."""
    return max(known(), default=None)


@cache
def known() -> frozenset[str]:
    """Every schema that this version of the code can migrate. The names of files in `versions` begin with them."""
    return frozenset(each.name.partition("_")[0] for each in FOLDER.glob("versions/[0-9]*.py"))


def applied(connection: Connection) -> str | None:
    """The schema that the database has."""
    if not inspect(connection).has_table(VERSIONS.name):
        return None
    heads = connection.execute(select(VERSIONS.c.version_num)).scalars()
    return ", ".join(sorted(heads)) or None


def require_known(connection: Connection) -> None:
    """Raise UnknownSchema if a newer version of the code has migrated the database."""
    schema = applied(connection)
    if schema is not None and schema not in known():
        raise UnknownSchema(schema, newest())


def upgrade(database: Database, then: Callable[[Connection], None] | None = None) -> None:
    """Create the tables, or apply every migration that is missing; and `then` more changes, all in one transaction.

    Raises UnknownSchema.
    """
    database.prepare()
    with database.rebuild() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL lock_timeout = 0"))  # another launcher may migrate for long
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        require_known(connection)
        if _is_new(connection):
            _create(connection)
        elif applied(connection) != newest():
            _migrate(connection)
        if then is not None:
            then(connection)


def _is_new(connection: Connection) -> bool:
    """Whether it has none of the tables; others may keep theirs in the same database."""
    return not {VERSIONS.name, *Base.metadata.tables} & set(inspect(connection).get_table_names())


def _create(connection: Connection) -> None:
    """What all migrations would make of an empty database, in a tenth of their time."""
    Base.metadata.create_all(connection, checkfirst=False)
    VERSIONS.create(connection)
    connection.execute(insert(VERSIONS).values(version_num=newest()))


def _migrate(connection: Connection) -> None:
    """Apply every migration that the database lacks."""
    from alembic import command

    configuration = config()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
