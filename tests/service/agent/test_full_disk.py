"""A full disk: training waits, the service responds, and nothing is corrupted."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from service.store.engine.sqlite_driver import driver
from tests.harness import IRIS, Harness
from tests.slow_runs import long_spec
from workers.data.registry import DatasetRegistry

EPOCHS = 14


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no file system can be mounted here: {mount.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def settings(small_disk: Path, migrated_file: Path, data_dir: Path) -> Settings:
    """Settings with the database on the small disk, and the data sets elsewhere."""
    (small_disk / "holdout.db").write_bytes(migrated_file.read_bytes())
    return Settings(database_url=f"sqlite:///{small_disk / 'holdout.db'}", data_dir=data_dir, workers=1)


@pytest.fixture
def harness(settings: Settings) -> Iterator[Harness]:
    database = Database(settings.url)
    yield Harness(database, DatasetRegistry(settings.data_dir), settings)
    database.close()


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the service, which runs with its agent."""
    with TestClient(create_app(settings)) as client:
        yield client


def fill(disk: Path) -> Path:
    """Fill the disk with a file, and return its path.

    The write-ahead log is truncated first: it would otherwise have space for hundreds of writes more, and the disk
    would be full only after these.
    """
    with closing(driver.connect(disk / "holdout.db", timeout=30)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            os.fsync(file.fileno())
    return ballast


def submit_until(client: TestClient, refused: Callable[[Any], bool]) -> Any:
    """Submit until a submission is refused, and return the response: allocated pages may hold a few more rows."""
    for _ in range(500):
        response = client.post("/experiments", json=IRIS)
        if refused(response):
            return response
    raise AssertionError("the disk never filled")


def test_on_a_full_disk_the_service_responds_and_training_waits(
    harness: Harness, client: TestClient, small_disk: Path
) -> None:
    spec = long_spec(epochs=EPOCHS)
    id_ = harness.submit(spec | {"priority": 1})
    harness.wait_for_epoch(id_, 2)
    ballast = fill(small_disk)
    refused = submit_until(client, lambda response: response.status_code != 202)
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-unavailable")
    time.sleep(1.5)
    waiting = harness.run(id_)
    time.sleep(1.5)
    assert client.get(f"/experiments/{id_}").json()["status"] == "running"
    assert client.get("/ready").status_code == 200
    assert (waiting.status, harness.run(id_).epoch) == ("running", waiting.epoch)
    assert waiting.epoch < EPOCHS
    ballast.unlink()
    assert harness.wait_for_end(id_).status == "succeeded"
    run = harness.run(id_)
    assert (run.attempt, run.deaths, run.epoch) == (1, 0, EPOCHS)
    assert harness.figures(run) == harness.undisturbed(spec)
    assert client.post("/experiments", json=IRIS).status_code == 202
    with harness.database.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
