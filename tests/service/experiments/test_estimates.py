"""Estimated seconds: from the pace of similar runs on this service."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from service.store.database import Database
from service.store.tables import Experiment, Run
from tests.service.fake_worker import FakeWorker
from workers.cost_model import typical_seconds
from workers.spec import ExperimentSpec

SMALL: dict[str, Any] = {"dataset": "iris", "model": {"hidden": [4]}, "training": {"epochs": 10}}
LARGE: dict[str, Any] = {"dataset": "digits", "model": {"hidden": [2048]}, "training": {"epochs": 10}}


def estimate(client: TestClient, spec: dict[str, Any]) -> float:
    response = client.post("/experiments/validate", json=spec)
    assert response.status_code == 200, response.text
    return float(response.json()["estimated_seconds"])


def trained(
    client: TestClient, database: Database, spec: dict[str, Any], *, pace: float, epochs: int
) -> None:
    """A run that has trained some epochs, so many times slower than is typical."""
    id_ = client.post("/experiments", json=spec).json()["id"]
    with database.write() as connection:
        row = connection.execute(select(Experiment).where(Experiment.id == id_)).one()
        took = pace * typical_seconds(ExperimentSpec.model_validate(row.spec), row.plan) * epochs / 10
        mine = update(Run).where(Run.experiment_id == id_)
        connection.execute(mine.values(epoch=epochs, training_seconds=took))


def test_before_any_run_a_typical_processor_counts(client: TestClient, fake_worker: FakeWorker) -> None:
    before = estimate(client, SMALL)
    assert 0 < before < estimate(client, LARGE)
    fake_worker.submit()  # queued: it says nothing
    assert estimate(client, SMALL) == before


@pytest.mark.parametrize("epochs", [10, 3])
def test_runs_on_this_service_set_the_pace(client: TestClient, database: Database, epochs: int) -> None:
    before = estimate(client, LARGE)
    trained(client, database, LARGE, pace=4, epochs=epochs)
    assert estimate(client, LARGE) == pytest.approx(4 * before, rel=0.01)
    assert estimate(client, LARGE | {"training": {"epochs": 20}}) == pytest.approx(8 * before, rel=0.01)


def test_the_most_similar_runs_set_the_pace(client: TestClient, database: Database) -> None:
    small, large = estimate(client, SMALL), estimate(client, LARGE)
    for _ in range(5):
        trained(client, database, SMALL, pace=10, epochs=10)
        trained(client, database, LARGE, pace=2, epochs=10)
    assert estimate(client, SMALL) == pytest.approx(10 * small, rel=0.2)  # milliseconds are rounded
    assert estimate(client, LARGE) == pytest.approx(2 * large, rel=0.01)
