"""The seconds of a sweep: when they are used up, what has not started is cancelled, and the rest goes on."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from service.store import sweep_budgets
from service.store.database import Database
from service.store.tables import Run, Sweep
from tests.service.experiments.compared import confusion
from tests.service.fake_worker import FakeWorker

DATA = {"name": "synthetic", "counts": [900, 100], "features": 2}
HOUR = 3600.0


def submit(client: TestClient, max_seconds: float | None = HOUR) -> str:
    spec = {"dataset": DATA, "training": {"epochs": 1}, "seeds": [0, 1]}
    request = {"spec": spec, "space": {"model.hidden": [[1], [2], [3]]}, "max_seconds": max_seconds}
    path: str = client.post("/sweeps", json=request).raise_for_status().json()["links"]["self"]
    return path


def enforce(database: Database) -> None:
    with database.write() as connection:
        sweep_budgets.enforce(connection)


def start(database: Database, worker: FakeWorker, *, seconds_ago: float) -> tuple[int, int]:
    """Claim the next run, as if it was so long ago."""
    claimed = worker.claim()
    with database.write() as connection:
        mine = update(Run).where(Run.experiment_id == claimed[0], Run.seed == claimed[1])
        connection.execute(mine.values(started_at=Run.started_at - seconds_ago))
    return claimed


def finish(worker: FakeWorker, run: tuple[int, int]) -> None:
    worker.epoch(run[0], 1, confusion(5), seed=run[1])
    worker.finish(run[0], "succeeded", seed=run[1])


def test_before_the_first_run_and_within_the_seconds_nothing_happens(
    client: TestClient, database: Database, fake_worker: FakeWorker
) -> None:
    path = submit(client)
    enforce(database)
    start(database, fake_worker, seconds_ago=HOUR / 2)
    enforce(database)
    sweep = client.get(path).json()
    assert (sweep["max_seconds"], sweep["stopped_at"], sweep["counts"]["cancelled"]) == (HOUR, None, 0)


def test_what_has_not_started_is_cancelled_and_the_rest_goes_on(
    client: TestClient, database: Database, fake_worker: FakeWorker
) -> None:
    path = submit(client)
    etag = client.get(path).headers["etag"]
    run = start(database, fake_worker, seconds_ago=2 * HOUR)
    enforce(database)
    sweep = client.get(path, headers={"If-None-Match": etag}).json()
    assert sweep["stopped_at"] is not None
    assert (sweep["status"], sweep["counts"]["running"], sweep["counts"]["cancelled"]) == ("running", 1, 2)
    enforce(database)
    finish(fake_worker, run)
    other = fake_worker.claim()
    assert other == (run[0], 1)
    finish(fake_worker, other)
    assert client.get(path).json()["status"] == "succeeded"
    board = client.get(f"{path}/leaderboard").json()
    remark = next(each for each in board["remarks"] if each["code"] == "seconds_used_up")
    assert "2 of 3 candidates" in remark["sentence"]


def test_a_retry_has_as_many_seconds_again(
    client: TestClient, database: Database, fake_worker: FakeWorker
) -> None:
    path = submit(client)
    finish(fake_worker, start(database, fake_worker, seconds_ago=2 * HOUR))
    enforce(database)
    finish(fake_worker, fake_worker.claim())
    client.post(f"{path}/retry").raise_for_status()
    enforce(database)
    sweep = client.get(path).json()
    assert (sweep["stopped_at"], sweep["counts"]["queued"]) == (None, 2)
    with database.write() as connection:
        connection.execute(update(Sweep).values(deadline=Sweep.deadline - 2 * HOUR))
    enforce(database)
    assert client.get(path).json()["counts"]["cancelled"] == 2


def test_a_sweep_without_such_a_limit_is_not_looked_at(
    client: TestClient, database: Database, fake_worker: FakeWorker, statements: list[str]
) -> None:
    submit(client, None)
    start(database, fake_worker, seconds_ago=2 * HOUR)
    statements.clear()
    enforce(database)
    assert [each.split()[0] for each in statements if "sweeps" in each] == ["SELECT"]


@pytest.mark.parametrize("wrong", [0, -1, "long", 1e12])
def test_the_seconds_are_positive(client: TestClient, wrong: Any) -> None:
    response = client.post("/sweeps", json={"preset": "losses", "max_seconds": wrong})
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == "max_seconds"
