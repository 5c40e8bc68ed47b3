"""schemathesis tests the running service against its OpenAPI document: every check, every phase, over HTTP.

`make contract` runs the long test; the suite has a short one.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import anyio
import httpx2
import pytest

from service.api.live import long_polling
from service.api.live.change_feed import ChangeFeed
from service.launcher import serving
from service.routes import webhooks
from service.settings import Settings
from service.store.credentials import tokens
from service.store.credentials.signing_keys import signing_key
from service.store.database import Database
from service.webhooks import ssrf_protection
from tools.doc_commands import wait_until_idle

pytest.importorskip("schemathesis", reason="pip install 'holdout[test]'")

from tests.contract.hooks import KEY_VARIABLE

ROOT = Path(__file__).parents[2]
SPECS: list[dict[str, Any]] = [
    {"name": f"iris-{number}", "dataset": "iris", "seeds": [0, 1], "training": {"epochs": 3}}
    for number in range(2)
]


Changes = Callable[..., AsyncGenerator[Any]]


@dataclass(frozen=True)
class Report:
    """The result of a run of schemathesis."""

    cases: int
    failures: list[str]
    text: str


def settings(data_dir: Path, *, workers: int) -> Settings:
    unlimited = "1000000/minute"
    return Settings(
        data_dir=data_dir,
        port=0,
        workers=workers,
        log_level="critical",
        rate_limit=unlimited,
        read_rate_limit=unlimited,
    )


def unreachable(host: str, port: int, *, private: bool) -> NoReturn:
    raise ssrf_protection.Undeliverable(f"{host} must not be reached from a test")


def without_waiting(changes: Changes) -> Changes:
    """The changes of what is queued for ever, for event streams: the state now, and then the stream ends."""

    async def present(
        self: ChangeFeed[Any], number: int, *, heartbeat: float | None = None
    ) -> AsyncGenerator[Any]:
        async with aclosing(changes(self, number, heartbeat=heartbeat)) as states:
            async for state in states:
                yield state
                if heartbeat is not None:
                    return

    return present


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """The URL of a service and an admin token. The key of its cursors is in the environment.

    Some experiments have ended; those that the test submits stay queued.
    """
    with serving(settings(tmp_path, workers=1)) as url, httpx2.Client(base_url=url) as http:
        for spec in SPECS:
            http.post("/experiments", json=spec).raise_for_status()
        wait_until_idle(http)
    # Otherwise the test would spend most of its time in long polls that time out.
    monkeypatch.setattr(
        long_polling, "move_on_after", lambda seconds: anyio.move_on_after(min(seconds, 0.01))
    )
    monkeypatch.setattr(ChangeFeed, "changes", without_waiting(ChangeFeed.changes))
    # Every invented host exists, and no message is sent to it.
    monkeypatch.setattr(webhooks, "resolve", lambda host, port, *, private: (host, port))
    monkeypatch.setattr(ssrf_protection, "resolve", unreachable)
    database = Database(settings(tmp_path, workers=0).url)
    with database.write() as connection:
        token = tokens.create(connection, "contract", "admin")
    monkeypatch.setenv(KEY_VARIABLE, signing_key(database, "cursors").hex())
    database.close()
    with serving(settings(tmp_path, workers=0)) as url:
        yield url, token


RANDOM = "--phases=examples,fuzzing,stateful"
EACH = ["--phases=examples,fuzzing", "--max-examples=1"]
SHORT = {
    "a random request of each operation that changes something": ([*EACH, "--exclude-method=GET"], 40),
    "a random request of each operation": (EACH, 100),
    "some random requests": ([RANDOM, "--max-examples=2"], 100),
    "all boundaries of some operations": (
        ["--phases=coverage", "--include-operation-id-regex=^list_|^cancel"],
        100,
    ),
}
LONG = {"many cases": (["--max-examples=20"], 4500)}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("options", "at_least"),
    [
        SHORT["a random request of each operation that changes something"],
        pytest.param(*SHORT["a random request of each operation"], marks=pytest.mark.thorough),
        pytest.param(*SHORT["some random requests"], marks=pytest.mark.thorough),
        pytest.param(*SHORT["all boundaries of some operations"], marks=pytest.mark.thorough),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in LONG.values()),
    ],
    ids=[*SHORT, *LONG],
)
def test_the_service_behaves_as_its_document_says(
    service: tuple[str, str],
    tmp_path: Path,
    options: list[str],
    at_least: int,
    record_property: Callable[[str, object], None],
) -> None:
    started = time.monotonic()
    report = run(*service, tmp_path / "report.json", *options)
    spent = time.monotonic() - started
    failures = len(report.failures)
    record_property("shown", f"schemathesis: {report.cases:,} cases in {spent:.0f} s, {failures} failures")
    assert report.failures == [], report.text
    assert report.cases >= at_least, report.text


def run(url: str, token: str, file: Path, *more: str) -> Report:
    """Run schemathesis in a process of its own, as a user would."""
    options = ["-H", f"Authorization: Bearer {token}", "-c", "all", "--no-color", *more]
    reports = ["--report", "json", "--report-json-path", str(file)]
    config = ["--config-file", str(Path(__file__).with_name("schemathesis.toml"))]
    ran = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *config, "run", f"{url}/openapi.json", *options, *reports],
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        capture_output=True,
        text=True,
    )
    text = ran.stdout + ran.stderr
    if not file.exists():
        pytest.fail(text)
    found = json.loads(file.read_text())
    failures = [f"{each['title']}: {', '.join(each['operations'])}" for each in found["failures"]]
    ended = [] if ran.returncode == 0 else [f"exit code {ran.returncode}"]
    errors = [str(error) for error in found["errors"]]
    return Report(found["test_cases"]["generated"], failures + errors + ended, text)
