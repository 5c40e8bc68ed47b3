"""How often one may ask, and how much may wait."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.settings import Settings
from service.store.credentials import tokens
from service.store.database import Database

IRIS = {"dataset": "iris"}
Limited = Callable[..., TestClient]


@pytest.fixture
def limited(app: FastAPI, settings: Settings) -> Iterator[Limited]:
    """A service with limits of its own, started when it is called."""
    started: list[TestClient] = []

    def start(**limits: Any) -> TestClient:
        app.state.settings = settings.model_copy(update=limits)
        started.append(TestClient(app).__enter__())
        return started[-1]

    yield start
    for client in started:
        client.__exit__(None, None, None)


def token(database: Database, name: str) -> dict[str, str]:
    with database.write() as connection:
        return {"Authorization": f"Bearer {tokens.create(connection, name, 'submit')}"}


def test_one_request_too_many_is_429_and_says_when_to_come_back(limited: Limited) -> None:
    client = limited(read_rate_limit="3/minute")
    assert [client.get("/experiments").status_code for _ in range(4)] == [200, 200, 200, 429]
    response = client.get("/experiments")
    assert response.json()["type"] == "/problems/too-many-requests"
    assert 1 <= int(response.headers["retry-after"]) <= 61
    assert response.headers["ratelimit-policy"] == '"reads";q=3;w=60'
    assert response.headers["ratelimit"] == f'"reads";r=0;t={response.headers["retry-after"]}'


def test_after_the_window_it_goes_on(limited: Limited) -> None:
    client = limited(read_rate_limit="2/second")
    statuses = [client.get("/catalog").status_code for _ in range(20)]
    assert 429 in statuses
    time.sleep(1.1)
    assert client.get("/catalog").status_code == 200


def test_reading_and_changing_are_counted_apart(limited: Limited) -> None:
    client = limited(read_rate_limit="5/hour", rate_limit="1/hour")
    assert client.post("/experiments", json=IRIS).status_code == 202
    assert client.post("/experiments", json=IRIS).status_code == 429
    assert [client.get("/experiments").status_code for _ in range(6)] == [200] * 5 + [429]


def test_a_poll_of_what_is_there_no_more_is_counted_once(limited: Limited) -> None:
    client = limited(read_rate_limit="2/hour")
    path = client.post("/experiments", json=IRIS).headers["location"]
    assert client.get(path).status_code == 200
    client.post(f"{path}/cancel").raise_for_status()
    client.delete(path).raise_for_status()
    assert [client.get(path).status_code for _ in range(2)] == [404, 429]


def test_each_token_has_its_own_count(limited: Limited, app: FastAPI) -> None:
    client = limited(read_rate_limit="2/hour")
    first, second = token(app.state.database, "first"), token(app.state.database, "second")
    assert [client.get("/catalog", headers=first).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/catalog", headers=second).status_code == 200


def test_what_a_scope_does_not_allow_is_counted_too(limited: Limited, app: FastAPI) -> None:
    client = limited(rate_limit="2/hour")
    submitter = token(app.state.database, "submitter")
    assert [client.delete("/experiments/1", headers=submitter).status_code for _ in range(3)] == [
        403,
        403,
        429,
    ]


def test_refused_requests_lock_out_no_valid_token_of_the_same_address(limited: Limited, app: FastAPI) -> None:
    client = limited(rate_limit="3/hour")
    good = token(app.state.database, "good")
    wrong = {"Authorization": "Bearer hold_wrong"}
    assert [client.get("/catalog", headers=wrong).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert client.get("/catalog").status_code == 429
    assert client.get("/catalog", headers=good).status_code == 200
    assert client.get("/health").status_code == 200


def test_an_address_that_a_client_writes_itself_does_not_count(limited: Limited, app: FastAPI) -> None:
    client = limited(rate_limit="2/hour")
    token(app.state.database, "good")
    forged = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(4)]
    assert [client.get("/catalog", headers=each).status_code for each in forged] == [401, 401, 429, 429]


def test_what_is_public_is_never_counted(limited: Limited) -> None:
    client = limited(read_rate_limit="1/hour", rate_limit="1/hour")
    assert {client.get(path).status_code for path in ("/health", "/ready", "/docs") for _ in range(5)} == {
        200
    }


@pytest.mark.parametrize("wrong", ["0/minute", "5", "5/fortnight", "-1/second", "1.5/second", "many"])
def test_a_limit_is_a_number_and_a_time(wrong: str) -> None:
    with pytest.raises(ValueError, match="rate_limit"):
        Settings(rate_limit=wrong)


def test_a_queue_that_is_full_takes_no_more_of_this_owner(limited: Limited, app: FastAPI) -> None:
    client = limited(max_queued=3)
    first, second = token(app.state.database, "first"), token(app.state.database, "second")
    accepted = client.post("/experiments", json=IRIS | {"replicates": 2}, headers=first).json()
    full = client.post("/experiments", json=IRIS | {"replicates": 2}, headers=first)
    assert (full.status_code, full.json()["type"]) == (429, "/problems/queue-full")
    assert "first has 2 runs and jobs in the queue; the limit is 3" in full.json()["detail"]
    assert full.headers["retry-after"] == "60"
    assert client.post("/experiments", json=IRIS, headers=first).status_code == 202
    assert client.post("/experiments", json=IRIS, headers=second).status_code == 202
    assert client.post(accepted["links"]["cancel"], headers=first).status_code == 202
    assert client.post("/experiments", json=IRIS | {"replicates": 2}, headers=first).status_code == 202
    assert len(client.get("/experiments", headers=first).json()["items"]) == 4
