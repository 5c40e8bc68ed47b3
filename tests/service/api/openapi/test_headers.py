"""The headers of answers: what is sent is declared, and what is declared as always there is sent."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from service.api.transport.middleware import DEFAULT_CACHING, SECURITY_HEADERS
from service.store.credentials import tokens
from service.store.database import Database
from tests.service.fake_worker import CONFUSION, FakeWorker
from tools.openapi_operations import operation_of

Schema = dict[str, Any]

OF_ALL = {"content-type", "content-length", "x-request-id", *map(str.lower, SECURITY_HEADERS)}
IRIS = "petal,species\n1.4,setosa\n1.3,setosa\n4.7,versicolor\n4.5,versicolor\n"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def check(client: TestClient) -> Callable[[Response], set[str]]:
    """Holds an answer against the document; the headers that it has beside those of every answer."""
    document = client.get("/openapi.json").json()

    def check(answer: Response) -> set[str]:
        request = answer.request
        operation = operation_of(request.method, request.url.path, document)
        by_name = {each["operationId"]: each for path in document["paths"].values() for each in path.values()}
        declared = by_name[str(operation)]["responses"][str(answer.status_code)].get("headers", {})
        sent = {name.lower() for name in answer.headers} - OF_ALL
        if answer.headers["cache-control"] == DEFAULT_CACHING:
            sent.remove("cache-control")
        assert sent <= {name.lower() for name in declared}, (operation, answer.status_code)
        assert {name.lower() for name, each in declared.items() if each.get("required")} <= sent
        return sent

    return check


@pytest.fixture
def experiment(fake_worker: FakeWorker) -> int:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    for number in (1, 2):
        fake_worker.epoch(experiment_id, number, CONFUSION)
    return experiment_id


def test_answers_that_say_where_to_read_on(client: TestClient, check: Callable[..., set[str]]) -> None:
    assert check(client.post("/experiments", json={})) == {"location", "retry-after"}
    form = {"name": "flowers", "format": "csv", "label": "species"}
    for status in (201, 200):
        answer = client.post("/datasets", data=form, files={"file": ("flowers.csv", IRIS)})
        assert answer.status_code == status, answer.text
        assert check(answer) == {"location"}
    assert check(client.post("/webhooks", json={"url": "http://93.184.216.34/"})) == {
        "location",
        "cache-control",
    }


@pytest.mark.parametrize("path", ["", "/metrics", "/classes", "/confusion"])
def test_answers_with_a_tag(
    client: TestClient, check: Callable[..., set[str]], experiment: int, path: str
) -> None:
    first = client.get(f"/experiments/{experiment}{path}")
    again = client.get(f"/experiments/{experiment}{path}", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert check(first) >= check(again) >= {"etag", "cache-control"}


def test_pages_that_have_a_next_one(
    client: TestClient, check: Callable[..., set[str]], experiment: int, fake_worker: FakeWorker
) -> None:
    fake_worker.submit()
    for path in ("/experiments?limit=1", f"/experiments/{experiment}/metrics?limit=1"):
        assert "link" in check(client.get(path))
    assert {"link", "vary"} <= check(client.get(f"/epochs?ids={experiment}&limit=1"))


def test_refusals(client: TestClient, database: Database, check: Callable[..., set[str]]) -> None:
    assert check(client.get("/experiments/7")) == set()
    assert check(client.post("/experiments", json={"loss": "focus"})) == set()
    with database.write() as connection:
        reader = tokens.create(connection, "reader", "read")
    assert check(client.get("/experiments")) == {"www-authenticate"}
    headers = {"Authorization": f"Bearer {reader}"}
    narrow = client.post("/experiments", json={}, headers=headers)
    assert (narrow.status_code, check(narrow)) == (403, {"www-authenticate"})


def test_a_limit_of_requests(client: TestClient, check: Callable[..., set[str]]) -> None:
    settings = client.app.state.settings  # type: ignore[attr-defined]
    limited = settings.model_copy(update={"read_rate_limit": "1/minute"})
    rates = client.app.state.authenticator.rates  # type: ignore[attr-defined]
    client.app.state.authenticator.rates = type(rates)(limited)  # type: ignore[attr-defined]
    answers = [client.get("/experiments") for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert check(answers[1]) == {"retry-after", "ratelimit", "ratelimit-policy"}
