"""The log: one line an event, whose fields programs read; and nothing in it that opens a door."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.operations.logs import formatter
from service.store.credentials import tokens
from service.store.database import Database

Lines = list[dict[str, Any]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged under `holdout`, as a program would read it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(terminal=False))
    logger = logging.getLogger("holdout")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> Lines:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line_with_its_route_and_not_its_address(
    client: TestClient, stream: io.StringIO
) -> None:
    response = client.delete("/experiments/77")
    (line,) = lines(stream)
    assert line["event"] == "request"
    assert (line["method"], line["route"], line["status"]) == ("DELETE", "/experiments/{experiment_id}", 404)
    assert line["request_id"] == response.headers["x-request-id"]
    assert 0 < line["seconds"] < 10
    assert (line["level"], line["logger"]) == ("info", "holdout.http")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("HEAD", "/experiments", "/experiments", 200),
        ("GET", "/nothing/hold_" + "s" * 43, "none", 404),
        ("PUT", "/experiments", "/experiments", 405),
        ("BREW", "/experiments", "/experiments", 405),
    ],
)
def test_whatever_is_asked_gives_one_line(
    client: TestClient, stream: io.StringIO, method: str, path: str, route: str, status: int
) -> None:
    client.request(method, path)
    (line,) = lines(stream)
    assert (line["route"], line["status"]) == (route, status)
    assert line["method"] == (method if method != "BREW" else "other")


def test_probes_are_only_noted_when_somebody_looks_for_trouble(
    client: TestClient, stream: io.StringIO
) -> None:
    for path in ("/health", "/ready", "/metrics"):
        client.get(path)
    assert {line["level"] for line in lines(stream)} == {"debug"}


def test_a_client_may_name_its_request_by_a_plain_word(client: TestClient, stream: io.StringIO) -> None:
    given = "trace-7.A_b"
    assert client.get("/catalog", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    assert lines(stream)[0]["request_id"] == given
    for odd in ("", "a b", "x" * 65, "\xff", 'a"b', "a\tb"):
        headers = [(b"X-Request-ID", odd.encode("latin-1"))]
        assert client.get("/catalog", headers=headers).headers["x-request-id"] not in (odd, given)


def test_what_is_logged_within_a_request_carries_its_id(client: TestClient, stream: io.StringIO) -> None:
    def away(*_: object) -> None:
        raise RuntimeError("no such thing")

    client.app.state.database.read = away  # type: ignore[attr-defined]
    response = client.get("/experiments")
    assert response.status_code == 500
    crash, request = lines(stream)
    assert crash["request_id"] == request["request_id"] == response.headers["x-request-id"]
    assert "RuntimeError: no such thing" in crash["exception"]
    assert request["status"] == 500


def test_no_token_is_ever_logged(client: TestClient, database: Database, stream: io.StringIO) -> None:
    with database.write() as connection:
        token = tokens.create(connection, "ci", "read")
    client.get("/experiments", headers={"Authorization": f"Bearer {token}"})
    client.get(f"/experiments/{token}?token={token}")
    log = logging.getLogger("holdout.test")
    log.info("given: %s", token)
    log.info("given", extra={"header": f"Bearer {token}", "secret": "whsec_" + "k" * 40})
    try:
        raise ValueError(token)
    except ValueError:
        log.exception("it failed")
    said = stream.getvalue()
    assert len(lines(stream)) == 5
    assert token not in said
    assert token[5:] not in said
    assert "kkkk" not in said
    assert "hold_..." in said


def test_uvicorn_says_nothing_twice() -> None:
    record = logging.LogRecord("uvicorn.error", logging.INFO, "", 0, "it runs", (), None)
    record.color_message = "it \x1b[1mruns"
    assert "color" not in formatter(terminal=False).format(record)


def test_on_a_terminal_a_line_is_text() -> None:
    record = logging.LogRecord("holdout.agent", logging.WARNING, "", 0, "run %s is not ours", (7,), None)
    line = formatter(terminal=True).format(record)
    assert "run 7 is not ours" in line
    assert not line.startswith("{")
