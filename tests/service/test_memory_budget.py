"""The memory budget: what is refused, when caches are dropped, and what the API responds."""

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service import memory_budget
from service.memory_budget import MemoryBudget, OutOfMemory, default_limit
from service.settings import Settings
from workers.processes import memory

MEGABYTE = 10**6


class Process:
    """A process whose memory is set by hand."""

    used, cached = 50, 0

    def measure(self) -> int:
        return self.used + self.cached

    def release(self) -> None:
        self.cached = 0


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    monkeypatch.setattr(memory_budget, "MEASURED_SECONDS", 0.0)
    return Process()


@pytest.fixture
def budget(process: Process) -> MemoryBudget:
    return MemoryBudget(100, release=process.release, measure=process.measure)


def test_what_is_used_and_reserved_is_within_the_limit(budget: MemoryBudget, process: Process) -> None:
    with budget.reserve(30), budget.reserve(20), pytest.raises(OutOfMemory):
        budget.require(1)
    budget.require(50)
    process.used = 101
    with pytest.raises(OutOfMemory):
        budget.require()


def test_caches_are_dropped_before_anything_is_refused_but_not_at_each_request(
    budget: MemoryBudget, process: Process
) -> None:
    process.cached = 60
    budget.require()
    assert process.cached == 0
    process.cached = 60
    with pytest.raises(OutOfMemory):
        budget.require()
    assert process.cached == 60


def test_memory_that_cannot_be_allocated_is_out_of_memory_too(budget: MemoryBudget) -> None:
    with pytest.raises(OutOfMemory), budget.reserve(10):
        raise MemoryError
    budget.require(50)


def test_a_new_array_is_measured_and_a_freed_one_is_not() -> None:
    before = memory.allocated_bytes()
    array = np.ones(100 * MEGABYTE, np.uint8)
    assert 90 * MEGABYTE < memory.allocated_bytes() - before < 120 * MEGABYTE
    del array
    assert memory.allocated_bytes() - before < 20 * MEGABYTE


def test_the_default_is_a_share_of_the_machine_or_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    limit = tmp_path_factory.mktemp("cgroup") / "memory.max"
    monkeypatch.setattr(memory_budget, "CONTAINER_LIMIT", limit)
    machine = default_limit()
    assert machine > 100 * MEGABYTE
    limit.write_text("max\n")
    assert default_limit() == machine
    limit.write_text("200000000\n")
    assert default_limit() == 100 * MEGABYTE


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def test_above_the_budget_requests_get_503_and_probes_go_on(app: FastAPI, settings: Settings) -> None:
    app.state.settings = settings.model_copy(update={"api_memory_bytes": 1})
    with TestClient(app) as client:
        for method, path in (("GET", "/experiments"), ("POST", "/experiments/validate")):
            response = client.request(method, path)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
            assert response.json()["type"] == "/problems/out-of-memory"
        assert [client.get(path).status_code for path in ("/health", "/ready", "/docs")] == [200] * 3


def test_a_data_set_that_does_not_fit_is_refused_before_it_is_generated(
    app: FastAPI, settings: Settings
) -> None:
    limit = memory.allocated_bytes() + 150 * MEGABYTE
    app.state.settings = settings.model_copy(update={"api_memory_bytes": limit})
    large = {"dataset": {"name": "synthetic", "counts": [25_000, 25_000], "features": 1000}}
    with TestClient(app) as client:
        for path in ("/experiments/validate", "/experiments"):
            assert client.post(path, json=large).json()["type"] == "/problems/out-of-memory"
        assert client.post("/experiments/validate", json={}).status_code == 200
