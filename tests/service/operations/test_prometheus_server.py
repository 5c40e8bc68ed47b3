"""The metrics with Prometheus itself: its linter finds no problem, and it scrapes a service that needs a token."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.launcher import serving
from service.settings import Settings
from service.store.credentials import tokens
from service.store.database import Database
from tests.service.fake_worker import FakeWorker

TIMEOUT_SECONDS = 60
"""Prometheus reloads its targets every five seconds."""
PAIR = {"dataset": {"name": "synthetic", "counts": [90, 30], "features": 2}}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite only: test_prometheus.py tests the metrics on both databases."""
    return sqlite_url


@pytest.fixture(autouse=True)
def installed() -> None:
    """Without Prometheus, these tests are skipped, except in CI."""
    missing = [name for name in ("promtool", "prometheus") if shutil.which(name) is None]
    if missing and os.environ.get("CI"):
        raise LookupError(f"{missing} of the Debian package prometheus")
    if missing:
        pytest.skip("the Debian package prometheus is not installed")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A service that needs a token, with the token in a file."""
    settings = Settings(data_dir=tmp_path, port=0, workers=0, log_level="warning")
    with serving(settings) as url:
        database = Database(settings.url)
        with database.write() as connection:
            (tmp_path / "token").write_text(tokens.create(connection, "prometheus", "read"))
        database.close()
        yield url


def test_promtool_finds_no_problem(fake_worker: FakeWorker) -> None:
    fake_worker.submit(**PAIR)
    fake_worker.claim()
    told = fake_worker.client.get("/metrics").text
    assert "holdout_http_requests_total{" in told
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=told, text=True, capture_output=True, timeout=60
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_prometheus_scrapes_the_service_with_a_token(url: str, tmp_path: Path) -> None:
    job = {
        "job_name": "holdout",
        "authorization": {"credentials_file": str(tmp_path / "token")},
        "static_configs": [{"targets": [url.removeprefix("http://")]}],
    }
    assert httpx2.get(f"{url}/metrics").status_code == 401
    with prometheus(tmp_path, {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}) as client:
        assert first(client, "holdout_database_up") == "1"
        assert first(client, "up") == "1"


@contextmanager
def prometheus(folder: Path, configuration: dict[str, Any]) -> Iterator[httpx2.Client]:
    """Run Prometheus with this configuration for as long as the context lasts. Yields a client of its API."""
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options: dict[str, object] = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "tsdb",
    }
    options |= {"web.listen-address": address, "log.level": "error"}
    command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
    log = folder / "prometheus.log"
    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as program:
        try:
            with httpx2.Client(base_url=f"http://{address}/api/v1", timeout=10) as client:
                yield client
        finally:
            program.terminate()


def first(client: httpx2.Client, query: str) -> str:
    """Wait until a query finds a series. Returns the value of the first one."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            found = client.get("/query", params={"query": query}).raise_for_status().json()["data"]["result"]
        except httpx2.HTTPError:  # it is not up yet
            found = []
        if found:
            return str(found[0]["value"][1])
        time.sleep(0.1)
    raise AssertionError(f"Prometheus knows nothing of {query}")
