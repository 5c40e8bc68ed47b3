"""What every answer carries, whatever it is; and that a crash tells nothing but where to look."""

import logging
import re
from contextlib import suppress
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from starlette.types import Message

from service.api.transport.middleware import SECURITY_HEADERS
from service.app import create_app
from service.http import bodies
from service.routes.pages import DOCS_POLICY
from service.settings import Settings

SECRET = "postgresql://holdout:hunter2@db"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def broken(settings: Settings) -> TestClient:
    """An application with routes that fail: expectedly never, and for want of a database."""
    app = create_app(settings)

    @app.get("/crash")
    def crash() -> None:
        raise RuntimeError(SECRET)

    @app.get("/away")
    def away() -> None:
        raise OperationalError("SELECT", {}, RuntimeError(SECRET))

    return TestClient(app)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/docs", 200),
        ("GET", "/static/swagger-ui.css", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/experiments", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/experiments", 405),
        ("POST", "/experiments", 415),
        ("GET", "/experiments?x=1", 422),
    ],
)
def test_every_answer_has_a_number_and_the_security_headers(
    client: TestClient, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    expected = SECURITY_HEADERS | ({"Content-Security-Policy": DOCS_POLICY} if path == "/docs" else {})
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == expected
    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])


def test_requests_have_numbers_of_their_own(client: TestClient) -> None:
    assert len({client.get("/health").headers["x-request-id"] for _ in range(5)}) == 5


def test_no_script_and_no_style_runs_that_is_not_a_file_of_ours(client: TestClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in policy


def test_a_crash_is_logged_and_its_text_stays_inside(
    broken: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with broken, caplog.at_level(logging.ERROR, logger="holdout.http"):
        response = broken.get("/crash")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in response.headers
    assert SECRET not in response.text
    request_id = response.headers["x-request-id"]
    assert request_id in response.json()["detail"]
    (record,) = caplog.records
    assert request_id in record.getMessage()
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])


@pytest.mark.parametrize(
    ("errors", "level"),
    [
        ([anyio.BrokenResourceError()], "INFO"),
        ([anyio.BrokenResourceError(), RuntimeError(SECRET)], "ERROR"),
        ([RuntimeError(SECRET)], "ERROR"),
    ],
)
def test_a_client_that_leaves_a_stream_is_no_crash_unless_there_is_one(
    broken: TestClient, caplog: pytest.LogCaptureFixture, errors: list[Exception], level: str
) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ExceptionGroup("unhandled errors in a TaskGroup", errors)

    broken.app.mount("/stream", application)  # type: ignore[attr-defined]
    with broken, caplog.at_level(logging.INFO, logger="holdout.http"), suppress(ExceptionGroup):
        broken.get("/stream/events")
    (record,) = (each for each in caplog.records if each.getMessage().startswith("request "))
    assert record.levelname == level


def test_a_database_that_is_away_is_503_and_worth_another_try(broken: TestClient) -> None:
    with broken:
        response = broken.get("/away")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["type"] == "/problems/database-unavailable"
    assert SECRET not in response.text


@pytest.mark.parametrize("path", ["/experiments", "/health", "/docs", "/static/docs.js", "/experiments/9"])
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/experiments", {"GET", "HEAD", "POST"}),
        ("PUT", "/experiments/1", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("GET", "/experiments/1/cancel", {"POST"}),
        ("GET", "/experiments/validate", {"POST"}),
        ("DELETE", "/catalog", {"GET", "HEAD"}),
        ("POST", "/static/docs.js", {"GET", "HEAD"}),
        ("OPTIONS", "/experiments", {"GET", "HEAD", "POST"}),
        ("OPTIONS", "/datasets/inspect", {"POST"}),
        ("BREW", "/health", {"GET", "HEAD"}),
    ],
)
def test_405_lists_every_method_that_would_do(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allowed
    assert response.json()["status"] == 405


def test_a_body_that_never_ends_is_408(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    sent: list[Message] = []

    async def receive() -> Message:
        await anyio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/experiments",
        "raw_path": b"/experiments",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"host", b"test")],
        "server": ("test", 80),
        "scheme": "http",
    }
    anyio.run(app, scope, receive, send)
    assert sent[0]["status"] == 408
