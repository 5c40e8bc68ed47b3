"""The log: one line per event with fields for programs, and no token or secret in it."""

import io
import json
import logging
import re
import sys
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
    """SQLite only: these tests do not depend on the database."""
    return sqlite_url


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """The log lines under `holdout` in JSON, as a program reads them."""
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


def test_a_request_is_one_line_with_its_route_and_without_ids(
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
def test_every_request_gives_one_line(
    client: TestClient, stream: io.StringIO, method: str, path: str, route: str, status: int
) -> None:
    client.request(method, path)
    (line,) = lines(stream)
    assert (line["route"], line["status"]) == (route, status)
    assert line["method"] == (method if method != "BREW" else "other")


def test_probes_are_logged_only_at_level_debug(client: TestClient, stream: io.StringIO) -> None:
    for path in ("/health", "/ready", "/metrics"):
        client.get(path)
    assert {line["level"] for line in lines(stream)} == {"debug"}


def test_a_client_may_choose_a_simple_request_id(client: TestClient, stream: io.StringIO) -> None:
    given = "trace-7.A_b"
    assert client.get("/catalog", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    assert lines(stream)[0]["request_id"] == given
    for odd in ("", "a b", "x" * 65, "\xff", 'a"b', "a\tb"):
        headers = [(b"X-Request-ID", odd.encode("latin-1"))]
        assert client.get("/catalog", headers=headers).headers["x-request-id"] not in (odd, given)


def test_lines_that_are_logged_during_a_request_have_its_id(client: TestClient, stream: io.StringIO) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such thing")

    client.app.state.database.read = fail  # type: ignore[attr-defined]
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
    logged = stream.getvalue()
    assert len(lines(stream)) == 5
    assert token not in logged
    assert token[5:] not in logged
    assert "kkkk" not in logged
    assert "hold_..." in logged


def test_uvicorns_coloured_copy_of_a_message_is_dropped() -> None:
    record = logging.LogRecord("uvicorn.error", logging.INFO, "", 0, "it runs", (), None)
    record.color_message = "it \x1b[1mruns"
    assert "color" not in formatter(terminal=False).format(record)


def test_on_a_terminal_a_line_is_text() -> None:
    record = logging.LogRecord("holdout.agent", logging.WARNING, "", 0, "run %s is not ours", (7,), None)
    line = formatter(terminal=True).format(record)
    assert "run 7 is not ours" in line
    assert not line.startswith("{")


def test_on_a_terminal_what_a_client_sent_controls_nothing() -> None:
    hostile = "a\x1b[2Jb\x1b]0;title\x07c\rd\ne\x9b2Jf\u202eg"
    record = logging.LogRecord("holdout.http", logging.WARNING, "", 0, "path %s", (hostile,), None)
    record.path = hostile
    try:
        raise ValueError(hostile)
    except ValueError:
        record.exc_info = sys.exc_info()
    line = formatter(terminal=True).format(record)
    assert line.count("\\x1b[2J") >= 2
    assert line.partition("\n")[0].count("\\ne") == 2  # neither text has begun a line of its own
    assert not set("\x07\r\x9b") & set(line)
    assert set(re.findall(r"\x1b(?!\[[0-9;]*m)", line)) == set()
