"""Answers that are kept: never an old one, never for somebody who may not read it, and at no cost of a query."""

import time
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from service.api.auth.authentication import Authenticator
from service.api.caching import response_cache
from service.api.caching.response_store import ResponseStore
from service.store.credentials import tokens
from service.store.database import Database
from tests.service.fake_worker import CONFUSION, FakeWorker

PATHS = ("", "/metrics", "/classes", "/confusion")


@pytest.fixture
def running(fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    return experiment_id


@pytest.fixture
def from_memory(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered from what is kept."""
    paths: list[str] = []
    answer = response_cache.CacheLookup.answer_from_kept

    async def noted(exchange: Any) -> None:
        paths.append(exchange.scope["path"])
        await answer(exchange)

    monkeypatch.setattr(response_cache.CacheLookup, "answer_from_kept", noted)
    return paths


def token(database: Database, name: str, scope: tokens.Scope = "read", **more: Any) -> dict[str, str]:
    with database.write() as connection:
        made = tokens.create(connection, name, scope, **more)
    return {"Authorization": f"Bearer {made}"}


@pytest.mark.parametrize("path", PATHS)
def test_while_nobody_commits_an_answer_costs_sqlite_no_query(
    client: TestClient, database: Database, running: int, statements: list[str], path: str
) -> None:
    path = f"/experiments/{running}{path}"
    first = client.get(path)
    statements.clear()
    again = client.get(path)
    assert again.content == first.content
    assert {**again.headers, "x-request-id": ""} == {**first.headers, "x-request-id": ""}
    unchanged = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert bool(statements) != database.is_sqlite


@pytest.mark.parametrize("path", PATHS)
def test_a_commit_is_seen_by_the_next_answer(
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


def test_what_still_holds_is_not_read_again(
    client: TestClient, fake_worker: FakeWorker, running: int, statements: list[str], from_memory: list[str]
) -> None:
    path = f"/experiments/{running}/metrics"
    first = client.get(path)
    fake_worker.submit()
    statements.clear()
    assert client.get(path).content == first.content
    assert from_memory == [path]
    assert not [each for each in statements if "epoch_metrics" in each]


def test_a_client_that_only_ever_polls_is_answered_from_memory_too(
    client: TestClient, database: Database, running: int, from_memory: list[str]
) -> None:
    path = f"/experiments/{running}/metrics"
    tag = client.get(path).headers["etag"]
    client.app.state.response_store = ResponseStore()  # type: ignore[attr-defined]
    statuses = [client.get(path, headers={"If-None-Match": tag}).status_code for _ in range(2)]
    assert statuses == [304, 304]
    assert client.get(path).status_code == 200
    assert from_memory == ([path] if database.is_sqlite else [])


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were asked of the application itself."""
    paths: list[str] = []
    admit = Authenticator.admit

    async def noted(guard: Authenticator, request: Request, needed: Any) -> None:
        paths.append(request.url.path)
        await admit(guard, request, needed)

    monkeypatch.setattr(Authenticator, "admit", noted)
    return paths


def test_after_a_commit_a_status_is_made_anew_without_the_application(
    client: TestClient, database: Database, fake_worker: FakeWorker, running: int, admitted: list[str]
) -> None:
    path = f"/experiments/{running}"
    tags = [client.get(path).headers["etag"]]
    admitted.clear()
    for number in (2, 3, 4):
        fake_worker.epoch(running, number, CONFUSION)
        given = {"If-None-Match": tags[-1]} if number < 4 else {}
        news = client.get(path, headers=given)
        assert (news.status_code, news.json()["runs"][0]["epoch"]) == (200, number)
        tags.append(news.headers["etag"])
        assert client.get(path, headers={"If-None-Match": tags[-1]}).status_code == 304
    fake_worker.submit()
    assert client.get(path, headers={"If-None-Match": tags[-1]}).status_code == 304
    assert len({*tags}) == 4
    assert bool([each for each in admitted if each == path]) != database.is_sqlite
    client.app.state.response_store = ResponseStore()  # type: ignore[attr-defined]
    anew = client.get(path)
    assert (anew.content, anew.headers.keys()) == (news.content, news.headers.keys())


def test_what_cannot_be_made_anew_is_left_to_the_application(
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


def test_a_query_is_part_of_what_was_asked(client: TestClient, running: int) -> None:
    path = f"/experiments/{running}/metrics"
    both, one = client.get(path).json(), client.get(path, params={"split": "train"}).json()
    assert (len(both["items"]), len(one["items"])) == (2, 1)
    assert client.get(path, params={"splitt": "train"}).status_code == 422


def test_what_is_kept_is_for_those_who_may_read_it(
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


def test_answers_of_memory_are_counted_like_others(
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


def test_a_version_tells_that_somebody_has_committed(client: TestClient, database: Database) -> None:
    before = database.version()
    assert database.version() == before
    client.post("/experiments", json={})
    assert (database.version() != before) == database.is_sqlite
