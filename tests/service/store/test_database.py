import pytest

from service.store.database import Database, after_commit


def test_an_action_follows_the_commit_and_never_a_rollback(database: Database) -> None:
    done: list[str] = []
    with database.write() as connection:
        after_commit(connection, lambda: done.append("committed"))
        assert done == []
    assert done == ["committed"]
    with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
        after_commit(connection, lambda: done.append("rolled back"))
        raise ZeroDivisionError
    with database.write():
        pass  # the same connection of the pool, and none of the actions from before
    assert done == ["committed"]
