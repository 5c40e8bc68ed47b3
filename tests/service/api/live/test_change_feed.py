"""When the feed of changes reads the states of what is watched, on both databases."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import aclosing, closing

import pytest
from sqlalchemy import Connection, func, insert, select

from service.api.live.change_feed import PAUSE_SECONDS, ChangeFeed
from service.store.database import Database
from service.store.tables import Key


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """Each of both, which the other tests of this folder are not run on."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_states_are_read_after_a_commit_and_for_a_new_watcher_only(database_url: str) -> None:
    reads: list[set[int]] = []

    def read(connection: Connection, ids: Collection[int]) -> Mapping[int, int]:
        reads.append(set(ids))
        return dict.fromkeys(ids, connection.scalar(select(func.count()).select_from(Key)) or 0)

    def commit() -> None:
        with database.write() as connection:
            connection.execute(insert(Key).values(name="another", secret=b"", created_at=0.0))

    async def watch() -> None:
        feed = ChangeFeed(database, read)
        async with aclosing(feed.changes(1)) as first, aclosing(feed.changes(2)) as second:
            assert await anext(first) == 0
            await asyncio.sleep(5 * PAUSE_SECONDS)
            assert len(reads) <= 2, "another may come of PostgreSQL's own transactions"
            assert await anext(second) == 0
            assert reads[-1] == {1, 2}
            before = len(reads)
            await asyncio.to_thread(commit)
            assert await anext(first) == 1
            await asyncio.sleep(5 * PAUSE_SECONDS)
            assert before < len(reads) <= before + 2
        await feed.close()

    with closing(Database(database_url)) as database:
        asyncio.run(watch())
