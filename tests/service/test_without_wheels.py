"""A system without wheels of numba and pysqlite3: training works, and doctor and the log say what is missing."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.settings import Settings
from service.store.database import Database
from tests.harness import IRIS, Harness
from tests.missing_packages import environment_without
from tests.service_process import ServiceProcess
from workers.data.registry import DatasetRegistry


@pytest.fixture(autouse=True)
def without_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_without(tmp_path / "hidden", "numba", "llvmlite", "pysqlite3").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HOLDOUT_KERNELS", raising=False)


@pytest.fixture
def agent(sqlite_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    program = ServiceProcess(
        "worker", "--workers=1", data_dir=tmp_path, log=tmp_path / "agent.log", database_url=sqlite_url
    )
    yield program
    program.end()


def test_an_experiment_is_trained_with_the_numpy_kernels(
    agent: ServiceProcess, sqlite_url: str, tmp_path: Path
) -> None:
    agent.wait_for("works on")
    assert "NumPy (numba is not installed)" in agent.log.read_text()
    settings = Settings(data_dir=tmp_path, database_url=sqlite_url, workers=0)
    with closing(Database(sqlite_url)) as database:
        harness = Harness(database, DatasetRegistry(tmp_path), settings)
        assert harness.wait_for_end(harness.submit(IRIS)).status == "succeeded"


def test_doctor_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "doctor", "--data-dir", str(tmp_path / "data")]
    ran = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Training kernels: NumPy (numba is not installed)" in ran.stdout
    assert "pip install numba" in ran.stdout
    assert f"SQLite {sqlite3.sqlite_version}" in ran.stdout
