"""Signing keys: one for each purpose and database."""

from concurrent.futures import ThreadPoolExecutor

from service.store.credentials.signing_keys import KEY_BYTES, signing_key
from service.store.database import Database


def test_concurrent_first_callers_get_the_same_key(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda number: signing_key(databases[number % 4], "cursors"), range(16)))
    (key,) = keys
    assert len(key) == KEY_BYTES
    assert signing_key(databases[0], "other") != key
    for database in databases:
        database.close()
