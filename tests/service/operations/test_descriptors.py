"""Descriptors: silent connections leave enough of them to answer and to train."""

import os
import resource
import socket
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from service.operations import descriptors
from service.store.database import Database
from service.store.tables import Run
from tests.service_process import ForkedService

SPEC = {"dataset": "iris", "training": {"epochs": 3}, "seeds": [0, 1, 2]}


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("silent", [1100])
def test_silent_connections_stop_neither_requests_nor_training(tmp_path: Path, silent: int) -> None:
    port = free_port()
    program = ForkedService(
        "serve", f"--port={port}", "--workers=1", data_dir=tmp_path, log=tmp_path / "log", log_level="info"
    )
    connections: list[socket.socket] = []
    try:
        program.wait_for("answers on")
        program.wait_for("ready to start")
        resource.prlimit(program.id, resource.RLIMIT_NOFILE, (600, 600))
        for _ in range(silent):
            with suppress(ConnectionError):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        started = time.monotonic()
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            assert http.get("/health").status_code == 200
            page = http.post("/experiments", json=SPEC).headers["location"]
            while (experiment := http.get(page, params={"wait": 30}).json())["finished_at"] is None:
                pass
        seconds = time.monotonic() - started
        print(f"{silent:,} silent connections, 600 descriptors: trained in {seconds:.1f} s")  # noqa: T201
        assert experiment["status"] == "succeeded"
        with (
            closing(Database(f"sqlite:///{tmp_path / 'holdout.db'}")) as database,
            database.read() as connection,
        ):
            assert set(connection.scalars(select(Run.deaths))) == {0}
        assert "Too many open files" not in program.log.read_text()
    finally:
        for each in connections:
            each.close()
        program.end()


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, 4096), (4096, 4096)),
        ((1024, 1_048_576), (descriptors.MOST_DESCRIPTORS, 1_048_576)),
        ((1024, resource.RLIM_INFINITY), (descriptors.MOST_DESCRIPTORS, resource.RLIM_INFINITY)),
        ((1_048_576, 1_048_576), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_the_limit_is_raised_and_never_lowered(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], raised: tuple[int, int] | None
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: given.append(new))
    descriptors.raise_limit()
    assert given == ([] if raised is None else [raised])


@pytest.mark.parametrize(
    ("limit", "most"), [(200, 100), (1024, 752), (65_536, 65_264), (resource.RLIM_INFINITY, 65_264)]
)
def test_a_part_of_the_descriptors_is_no_connection(
    monkeypatch: pytest.MonkeyPatch, limit: int, most: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert descriptors.most_connections() == most
