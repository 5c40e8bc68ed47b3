"""The identity of a database's history: a random key. A backup has none, so that a restored one gets another.

Agents check it. Run ids and attempts repeat in a database that was restored to an older copy, and what an agent has
in memory is not of that history.
"""

from sqlalchemy import Connection, bindparam, delete, select

from service.store.credentials.signing_keys import signing_key
from service.store.database import Database
from service.store.tables import Key

NAME = "history"
IDENTITY = select(Key.secret).where(Key.name == bindparam("history", NAME))


def begin(database: Database) -> None:
    """Give a database an identity, if it has none."""
    signing_key(database, NAME)


def identity(connection: Connection) -> bytes | None:
    """The identity; None before the first start of the service."""
    return connection.execute(IDENTITY).scalar_one_or_none()


def forget(connection: Connection) -> None:
    """Remove the identity from a copy of a database."""
    connection.execute(delete(Key).where(Key.name == NAME))
