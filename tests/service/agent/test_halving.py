"""Sweeps with real workers: held candidates have the bits of uninterrupted ones, and others are chosen late."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from tests.service.live_server import Live, live

SPEC = {
    "dataset": "iris",
    "training": {"epochs": 9, "schedule": "cosine"},
    "model": {"name": "mlp", "hidden": [8], "dropout": 0.2},
}
RATE = "optimizer.learning_rate"
EPOCH = ("epoch", "split", "loss", "accuracy", "gradient_norm", "learning_rate")


@pytest.fixture
def service(sqlite_url: str, tmp_path: Path) -> Iterator[Live]:
    with live(Settings(workers=1, data_dir=tmp_path, database_url=sqlite_url)) as service:
        yield service


def wait_until_succeeded(service: Live, path: str) -> None:
    deadline = time.monotonic() + 60
    while (status := service.client.get(path).json()["status"]) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert status == "succeeded"


def epochs(service: Live, experiment: int) -> list[tuple[Any, ...]]:
    items = service.client.get(f"/experiments/{experiment}/metrics").json()["items"]
    return [tuple(each[name] for name in EPOCH) for each in items]


def test_a_candidate_that_was_held_has_the_bits_of_an_uninterrupted_one(service: Live) -> None:
    client = service.client
    sweep = {"spec": SPEC, "space": {RATE: [0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003, 0.00001]}}
    sweep |= {"strategy": {"name": "successive_halving", "draw": "grid"}}
    here = client.post("/sweeps", json=sweep).json()["links"]["self"]
    wait_until_succeeded(service, here)
    candidates = client.get(f"{here}/candidates").json()["items"]
    assert sorted(each["epoch"] for each in candidates) == [1] * 6 + [3] * 2 + [9]
    best = next(each for each in candidates if each["status"] == "succeeded")
    spec = client.get(best["links"]["self"]).json()["spec"]
    alone = client.post("/experiments", json=spec).json()["links"]["self"]
    wait_until_succeeded(service, alone)
    assert epochs(service, best["experiment_id"]) == epochs(service, client.get(alone).json()["id"])


def test_an_agent_chooses_candidates_as_others_end(service: Live) -> None:
    pytest.importorskip("optuna", reason="the extra optuna is not installed")
    sweep = {"spec": {"dataset": "iris", "training": {"epochs": 1}}, "space": {RATE: {"log": [1e-4, 1e-1]}}}
    sweep |= {"strategy": {"name": "tpe", "startup": 1, "outstanding": 2}, "candidates": 5}
    here = service.client.post("/sweeps", json=sweep).json()["links"]["self"]
    wait_until_succeeded(service, here)
    ended = service.client.get(here).json()
    assert (ended["counts"]["succeeded"], ended["to_come"]) == (5, 0)
