"""Polling: what has not changed is not sent again."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from service.store import queue
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.tables import Webhook
from tests.service.conditional import get
from tests.service.fake_worker import CONFUSION, FakeWorker

PATHS = ("", "/metrics", "/classes", "/confusion")


def commit_something(database: Database) -> None:
    """That changes no answer."""
    with database.write() as connection:
        connection.execute(insert(Webhook).values(url="", events=[], secret="", created_at=0.0))


def tags(client: TestClient, experiment_id: int) -> dict[str, str]:
    paths = {path: f"/experiments/{experiment_id}{path}" for path in PATHS} | {"list": "/experiments"}
    return {name: get(client, path).headers["etag"] for name, path in paths.items()}


@pytest.mark.parametrize("path", ["/experiments", *(f"/experiments/{{id}}{path}" for path in PATHS)])
def test_what_the_client_has_is_not_sent_again_and_costs_one_query(
    client: TestClient, database: Database, running: int, statements: list[str], path: str
) -> None:
    path = path.format(id=running)
    first = get(client, path)
    assert first.headers["etag"].startswith('W/"')
    commit_something(database)
    statements.clear()
    again = get(client, path, first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"] == "private, no-cache"
    queries = [each for each in statements if each.startswith("SELECT") and "tokens" not in each]
    assert len(queries) == 1


@pytest.mark.parametrize("given", ["*", '"x", {tag}', '{tag}, W/"y"', "{strong}"])
def test_a_tag_is_found_among_others_weak_or_not(client: TestClient, running: int, given: str) -> None:
    tag = get(client, f"/experiments/{running}").headers["etag"]
    header = given.format(tag=tag, strong=tag.removeprefix("W/"))
    assert get(client, f"/experiments/{running}", header).status_code == 304
    assert get(client, f"/experiments/{running}", 'W/"another"').status_code == 200


def test_whatever_changes_an_answer_changes_its_tag(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    experiment_id = fake_worker.submit(training={"epochs": 3})

    def again() -> None:
        """Lost with its agent after an epoch, and claimed once more: the epoch is forgotten, and trained again."""
        with database.write() as connection:
            queue.record_death(connection, fake_worker.leases[experiment_id, 0], max_deaths=9)
        fake_worker.claim()
        with database.write() as connection:
            epoch_writer.rewind(connection, fake_worker.leases[experiment_id, 0].run_id)
        fake_worker.epoch(experiment_id, 1, CONFUSION)

    def fitted() -> None:
        with database.write() as connection:
            epoch_writer.save_baselines(connection, experiment_id, [])

    changes: list[Callable[[], Any]] = [
        fake_worker.claim,
        lambda: fake_worker.epoch(experiment_id, 1, CONFUSION),
        again,
        fitted,
        lambda: fake_worker.finish(experiment_id, "failed", cause="diverged"),
        lambda: client.post(f"/experiments/{experiment_id}/retry"),
    ]
    seen = [tags(client, experiment_id)]
    for change in changes:
        change()
        seen.append(tags(client, experiment_id))
    for name in seen[0]:
        assert len({each[name] for each in seen}) == len(seen), name


def test_a_place_further_ahead_in_the_queue_is_news(client: TestClient, fake_worker: FakeWorker) -> None:
    first, second = fake_worker.submit(), fake_worker.submit()
    tag = get(client, f"/experiments/{second}").headers["etag"]
    client.post(f"/experiments/{first}/cancel")
    moved = get(client, f"/experiments/{second}", tag)
    assert moved.json()["queue_position"] == 1


def test_an_experiment_that_is_not_there_has_no_tag(client: TestClient) -> None:
    for path in PATHS:
        assert get(client, f"/experiments/9{path}", "*").status_code == 404
