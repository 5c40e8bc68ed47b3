"""Keys that all replicas of a service sign with. Each is created once per database, and never shown."""

import secrets

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import Key

KEY_BYTES = 32


def signing_key(database: Database, name: str) -> bytes:
    """The key of that name. The first caller creates it; of several at the same time, exactly one does."""
    stored = select(Key.secret).where(Key.name == name)
    with database.read() as connection:
        if (secret := connection.scalar(stored)) is not None:
            return secret
    with database.write() as connection:
        created = insert(Key).values(name=name, secret=secrets.token_bytes(KEY_BYTES), created_at=now())
        try:
            with connection.begin_nested():
                connection.execute(created)
        except IntegrityError:
            pass  # another replica has created it meanwhile
        return connection.scalars(stored).one()
