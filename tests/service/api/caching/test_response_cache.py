"""Cached responses: never an old one, never for a client that may not read it, and without a query."""

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from service.api.caching import response_cache
from service.api.caching.response_store import CachedResponse, ResponseStore
from service.store.credentials import tokens
from service.store.database import Database
from service.store.tables import Webhook
from tests.service.fake_worker import CONFUSION, FakeWorker

PATHS = ("", "/metrics", "/classes", "/confusion")


@pytest.fixture
def running(fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    return experiment_id


@pytest.fixture
def from_cache(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths whose responses came from the cache."""
    paths: list[str] = []
    respond = response_cache.CacheableRequest._respond

    async def noted(request: Any, cached: CachedResponse) -> None:
        paths.append(request.scope["path"])
        await respond(request, cached)

    monkeypatch.setattr(response_cache.CacheableRequest, "_respond", noted)
    return paths


def token(database: Database, name: str, scope: tokens.Scope = "read", **more: Any) -> dict[str, str]:
    with database.write() as connection:
        made = tokens.create(connection, name, scope, **more)
    return {"Authorization": f"Bearer {made}"}


@pytest.mark.parametrize("path", PATHS)
def test_while_nothing_is_committed_a_response_costs_no_query_but_for_the_version(
    client: TestClient, running: int, statements: list[str], path: str
) -> None:
    path = f"/experiments/{running}{path}"
    first = client.get(path)
    statements.clear()
    again = client.get(path)
    assert again.content == first.content
    assert {**again.headers, "x-request-id": ""} == {**first.headers, "x-request-id": ""}
    unchanged = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert statements == []


@pytest.mark.parametrize("path", PATHS)
def test_a_commit_is_seen_by_the_next_response(
    client: TestClient, fake_worker: FakeWorker, running: int, path: str
) -> None:
    path = f"/experiments/{running}{path}"
    before = client.get(path)
    assert client.get(path).content == before.content
    fake_worker.epoch(running, 2, [[100, 80], [0, 20]])
    after = client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.content != before.content
    assert client.get(path).content == after.content


def test_what_is_still_current_is_not_read_again(
    client: TestClient, fake_worker: FakeWorker, running: int, statements: list[str], from_cache: list[str]
) -> None:
    path = f"/experiments/{running}/metrics"
    first = client.get(path)
    fake_worker.submit()
    statements.clear()
    assert client.get(path).content == first.content
    assert from_cache == [path]
    assert not [each for each in statements if "epoch_metrics" in each]


def test_a_client_that_only_ever_polls_is_answered_by_the_cache_too(
    client: TestClient, running: int, from_cache: list[str]
) -> None:
    path = f"/experiments/{running}/metrics"
    tag = client.get(path).headers["etag"]
    client.app.state.response_store = ResponseStore()  # type: ignore[attr-defined]
    statuses = [client.get(path, headers={"If-None-Match": tag}).status_code for _ in range(2)]
    assert statuses == [304, 304]
    assert client.get(path).status_code == 200
    assert from_cache == [path]


@pytest.mark.parametrize("path", [*PATHS, "list"])
def test_after_a_commit_a_response_is_revalidated_by_one_query(
    client: TestClient,
    fake_worker: FakeWorker,
    database: Database,
    running: int,
    statements: list[str],
    path: str,
) -> None:
    path = "/experiments" if path == "list" else f"/experiments/{running}{path}"
    first = client.get(path)
    with database.write() as connection:
        connection.execute(insert(Webhook).values(url="", events=[], secret="", created_at=0.0))
    statements.clear()
    assert client.get(path).content == first.content
    queries = [each for each in statements if each.startswith("SELECT") and "tokens" not in each]
    assert len(queries) == 1


def test_a_database_that_is_away_is_a_problem_and_not_an_old_response(
    client: TestClient, database: Database, running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise OperationalError("SELECT", {}, RuntimeError())

    path = f"/experiments/{running}"
    assert client.get(path).status_code == 200
    client.post("/experiments", json={})
    with monkeypatch.context() as patch:
        patch.setattr(database, "read", away)
        assert client.get(path).status_code == 503
    assert client.get(path).status_code == 200


def test_the_query_is_part_of_the_cache_key(client: TestClient, running: int) -> None:
    path = f"/experiments/{running}/metrics"
    both, one = client.get(path).json(), client.get(path, params={"split": "train"}).json()
    assert (len(both["items"]), len(one["items"])) == (2, 1)
    assert client.get(path, params={"splitt": "train"}).status_code == 422


def test_a_cached_response_is_for_those_who_may_read_it(
    client: TestClient, database: Database, running: int
) -> None:
    path, reader = f"/experiments/{running}", token(database, "reader")
    for _ in range(2):
        assert client.get(path, headers=reader).status_code == 200
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer hold_wrong"}).status_code == 401
    two = [("Authorization", "Bearer hold_wrong"), ("Authorization", reader["Authorization"])]
    assert client.get(path, headers=two).status_code == 401


def test_a_token_ends_at_once(client: TestClient, database: Database, running: int) -> None:
    path, reader = f"/experiments/{running}", token(database, "reader")
    for _ in range(2):
        assert client.get(path, headers=reader).status_code == 200
    with database.write() as connection:
        tokens.revoke(connection, "reader")
    assert client.get(path, headers=reader).status_code == 401


def test_a_token_ends_when_its_time_is_over(client: TestClient, database: Database, running: int) -> None:
    path, reader = f"/experiments/{running}", token(database, "reader", expires_days=1 / 86_400)
    assert client.get(path, headers=reader).status_code == 200
    time.sleep(1.05)
    assert client.get(path, headers=reader).status_code == 401


def test_an_experiment_that_was_deleted_is_gone(
    client: TestClient, fake_worker: FakeWorker, running: int
) -> None:
    path = f"/experiments/{running}"
    fake_worker.finish(running, "failed", cause="diverged")
    for _ in range(2):
        assert client.get(path).status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_cached_responses_are_counted_like_others(
    client: TestClient, database: Database, running: int
) -> None:
    path = f"/experiments/{running}"
    for _ in range(3):
        client.get(path)
    counted = client.get("/metrics").text
    assert (
        'holdout_http_requests_total{method="GET",route="/experiments/{experiment_id}",status="200"} 3.0'
        in counted
    )


def test_the_version_of_the_database_changes_with_each_commit(client: TestClient, database: Database) -> None:
    read = database.version if database.is_sqlite else database.snapshot
    before = read()
    assert read() == before
    client.post("/experiments", json={})
    assert read() != before
