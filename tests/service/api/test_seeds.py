"""Seeds come in ascending order in every answer, in whichever order the spec gave them."""

import base64
import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.http.cursors import SIGNATURE_BYTES
from tests.service.fake_worker import FakeWorker

GIVEN, ASCENDING = [7, 0, 3], [0, 3, 7]
MATRIX = [[170, 10], [5, 15]]


@pytest.fixture
def experiment(fake_worker: FakeWorker) -> str:
    """The path of an experiment whose seeds have advanced unevenly."""
    id_ = fake_worker.submit(seeds=GIVEN, training={"epochs": 2})
    for seed in GIVEN:
        fake_worker.claim()
        fake_worker.epoch(id_, 1, MATRIX, seed=seed)
    fake_worker.epoch(id_, 2, MATRIX, seed=7)
    for seed in GIVEN:
        fake_worker.finish(id_, "succeeded", seed=seed)
    return f"/experiments/{id_}"


def seeds(rows: list[dict[str, Any]]) -> list[int]:
    return [row["seed"] for row in rows]


def seeds_in(cursor: str) -> list[int]:
    """Those of which a cursor says a place."""
    signed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return [seed for seed, _, _ in json.loads(signed[SIGNATURE_BYTES:])]


def test_of_an_experiment(client: TestClient, experiment: str) -> None:
    answer = client.get(experiment).json()
    assert seeds(answer["runs"]) == seeds(answer["summary"]["seeds"]) == ASCENDING
    assert client.get("/experiments").json()["items"][0]["seeds"] == ASCENDING
    assert answer["spec"]["seeds"] == GIVEN


def test_of_epochs(client: TestClient, experiment: str) -> None:
    metrics = client.get(f"{experiment}/metrics?split=train").json()["items"]
    assert seeds(metrics) == [*ASCENDING, 7]
    matrices = client.get(f"{experiment}/confusion?split=train&epoch=1").json()["items"]
    assert seeds(matrices) == ASCENDING
    classes = client.get(f"{experiment}/classes?split=train&epoch=1").json()["items"]
    assert list(dict.fromkeys(seeds(classes))) == ASCENDING
    across = client.get("/epochs", params={"ids": experiment.rpartition("/")[2], "split": "train"}).json()
    assert seeds(across["items"]) == [*ASCENDING, 7]


def test_in_cursors(client: TestClient, experiment: str) -> None:
    link = client.get(f"{experiment}/metrics?split=train&limit=1").json()["next"]
    link = client.get(link).json()["next"]
    link = client.get(link).json()["next"]
    assert seeds_in(link.partition("cursor=")[2]) == ASCENDING


def test_in_events(client: TestClient, experiment: str) -> None:
    text = client.get(f"{experiment}/events").text
    status = json.loads(re.findall("^data: (.*)$", text, re.MULTILINE)[0])
    assert seeds(status["runs"]) == ASCENDING
    places = [seeds_in(each.removesuffix(".end")) for each in re.findall("^id: (.*)$", text, re.MULTILINE)]
    assert places[-1] == ASCENDING
    assert places == [sorted(place) for place in places]


def test_in_an_error(client: TestClient, experiment: str) -> None:
    assert "0, 3, 7" in client.get(f"{experiment}/weights?seed=5").json()["detail"]
