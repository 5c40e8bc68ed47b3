"""Sweeps over HTTP: a request becomes candidates, which are read, cancelled, retried and deleted as one."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.store.database import Database
from service.store.spec_values import rows_of
from service.store.tables import Experiment, Exposure, Run, SpecValue, Sweep
from tests.service.fake_worker import FakeWorker

RATE = "optimizer.learning_rate"
SMALL = {"dataset": "iris", "training": {"epochs": 2}, "seeds": [0, 1]}
REQUEST: dict[str, Any] = {
    "name": "first",
    "spec": SMALL,
    "space": {RATE: [0.1, 0.01], "loss": ["cross_entropy", {"name": "focal", "gamma": {"choices": [1, 3]}}]},
}


def submit(client: TestClient, **changes: Any) -> dict[str, Any]:
    response = client.post("/sweeps", json=REQUEST | changes)
    assert response.status_code == 202, response.text
    row: dict[str, Any] = response.json()
    assert response.headers["location"] == row["links"]["self"]
    return row


def read(client: TestClient, sweep: dict[str, Any], below: str = "") -> Any:
    response = client.get(f"/sweeps/{sweep['id']}{below}")
    assert response.status_code == 200, response.text
    return response.json()


def stored(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_each_candidate_is_an_experiment(client: TestClient) -> None:
    row = submit(client)
    assert (row["status"], row["candidates"], row["runs"], row["repeated"]) == ("queued", 6, 12, 0)
    assert row["counts"] == {"queued": 6, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0}
    items = read(client, row, "/candidates")["items"]
    assert [each["candidate"] for each in items] == list(range(6))
    assert sorted(each["values"].get("loss.gamma", 0) for each in items) == [0, 0, 1, 1, 3, 3]
    for each in items:
        experiment = client.get(each["links"]["self"]).json()
        assert experiment["spec"]["optimizer"]["learning_rate"] == each["values"][RATE]
        assert experiment["spec"]["loss"].get("gamma") == each["values"].get("loss.gamma")
        assert experiment["spec"]["dataset"]["name"] == "iris"
        assert [run["seed"] for run in experiment["runs"]] == [0, 1]
        assert experiment["name"].startswith("first: ")


def test_the_fields_of_candidates_are_stored_as_those_of_single_experiments(
    client: TestClient, database: Database
) -> None:
    """What all candidates have in common is copied by the database."""
    row = submit(client)
    with database.read() as connection:
        mine = select(Experiment.id, Experiment.spec).where(Experiment.sweep_id == row["id"])
        for id_, spec in connection.execute(mine).all():
            of_this = select(SpecValue.field, SpecValue.value).where(SpecValue.experiment_id == id_)
            found = [(field, bytes(value)) for field, value in connection.execute(of_this)]
            assert sorted(found) == sorted(rows_of(spec))


def test_a_sweep_returns_what_was_requested(client: TestClient) -> None:
    row = submit(client, strategy={"name": "random", "seed": 3}, candidates=4)
    sweep = read(client, row)
    assert sweep["settings"] == {"name": "random", "seed": 3}
    assert (sweep["strategy"], sweep["name"]) == ("random", "first")
    assert sweep["space"][RATE] == {"choices": [0.1, 0.01]}
    assert sweep["spec"]["training"]["epochs"] == 2


def test_validation_stores_nothing_and_lists_the_candidates(client: TestClient, database: Database) -> None:
    response = client.post("/sweeps/validate", json=REQUEST)
    assert response.status_code == 200
    found = response.json()
    assert (found["candidates"], found["runs"], found["epochs"]) == (6, 12, 24)
    assert found["estimated_seconds"] == pytest.approx(
        2 * sum(each["estimated_seconds"] for each in found["items"]), abs=0.02
    )
    assert stored(database, Sweep) == stored(database, Experiment) == 0


def test_every_fault_is_in_one_response(client: TestClient, database: Database) -> None:
    for path in ("/sweeps", "/sweeps/validate"):
        faulty = {"space": {"optimizer.learning_rat": [1], "loss": ["focl"], "training.epochs": [0]}}
        response = client.post(path, json=faulty)
        assert response.status_code == 422
        assert {each["path"] for each in response.json()["errors"]} == {
            "space.optimizer.learning_rat[0]",
            "space.loss[0]",
            "space.training.epochs[0]",
        }
    shape = client.post("/sweeps", json={"spec": {"loss": "focl"}, "space": {"loss": 3}, "strategy": "gird"})
    assert {each["path"] for each in shape.json()["errors"]} == {"spec.loss", "space.loss", "strategy"}
    assert stored(database, Experiment) == 0


@pytest.mark.parametrize("space", [{RATE: [0.1, 0.01]}, {"dataset": ["diabetes", {"name": "diabetes"}]}])
def test_a_sweep_of_a_regression_needs_to_name_neither_task_nor_loss(
    client: TestClient, space: dict[str, Any]
) -> None:
    spec = {"dataset": "diabetes", "training": {"epochs": 2, "early_stopping": {"patience": 3}}}
    row = submit(client, spec=spec, space=space)
    for each in read(client, row, "/candidates")["items"]:
        spec = client.get(each["links"]["self"]).json()["spec"]
        assert (spec["task"], spec["loss"]["name"]) == ("regression", "l2")
        assert spec["training"]["early_stopping"]["metric"] == "rmse"
    assert read(client, row, "/leaderboard")["metric"] == "rmse"


def test_a_loss_of_classes_that_the_base_spec_names_is_still_refused_for_numbers(client: TestClient) -> None:
    spec = {"dataset": "diabetes", "loss": "cross_entropy"}
    response = client.post("/sweeps", json={"spec": spec, "space": {RATE: [0.1, 0.01]}})
    assert response.status_code == 422
    assert "cross_entropy is a loss of classes" in response.json()["detail"]


def test_a_sweep_needs_a_space(client: TestClient) -> None:
    assert "space" in client.post("/sweeps", json={}).json()["detail"]
    assert "space" in client.post("/sweeps", json={"space": {}}).json()["detail"]


def test_the_same_key_makes_one_sweep(client: TestClient, database: Database) -> None:
    key = {"Idempotency-Key": "nightly"}
    first, again = (client.post("/sweeps", json=REQUEST, headers=key) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert (stored(database, Sweep), stored(database, Experiment)) == (1, 6)
    other = client.post("/sweeps", json=REQUEST | {"name": "second"}, headers=key)
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    experiment = client.post("/experiments", json=SMALL, headers=key)
    assert experiment.json()["type"] == "/problems/idempotency-key-reused"


def test_all_candidates_are_stored_or_none(
    app: FastAPI, client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = app.state.settings.model_copy(update={"max_queued": 11})
    monkeypatch.setattr(app.state, "settings", limited)
    assert client.post("/sweeps", json=REQUEST).json()["type"] == "/problems/queue-full"
    assert [stored(database, each) for each in (Sweep, Experiment, Run, Exposure)] == [0, 0, 0, 0]


def test_single_experiments_go_before_the_runs_of_a_sweep(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    row = submit(client)
    single = fake_worker.submit()
    assert fake_worker.read(single)["queue_position"] == 1
    assert fake_worker.claim() == (single, 0)
    first = read(client, row, "/candidates")["items"][0]["experiment_id"]
    assert fake_worker.claim() == (first, 0)


def test_status_and_progress_follow_from_the_candidates(client: TestClient, fake_worker: FakeWorker) -> None:
    row = submit(client, space={RATE: [0.1, 0.01]})
    for number in range(4):
        experiment, seed = fake_worker.claim()
        fake_worker.epoch(experiment, 1, [[50, 0], [5, 5]], seed=seed)
        sweep = read(client, row)
        assert (sweep["status"], sweep["progress"]["epoch"]) == ("running", number + 1)
        assert sweep["progress"]["epochs"] == (number + 1) + 1 + 2 * (3 - number)
        fake_worker.finish(experiment, "failed" if number < 2 else "succeeded", seed=seed)
    sweep = read(client, row)
    assert (sweep["status"], sweep["counts"]["failed"], sweep["counts"]["succeeded"]) == ("succeeded", 1, 1)
    assert sweep["finished_at"] is not None


def test_an_unchanged_sweep_is_304(client: TestClient, fake_worker: FakeWorker) -> None:
    row = submit(client)
    for path in (f"/sweeps/{row['id']}", f"/sweeps/{row['id']}/candidates", "/sweeps"):
        etag = {"If-None-Match": client.get(path).headers["etag"]}
        assert client.get(path, headers=etag).status_code == 304
        fake_worker.claim()
        assert client.get(path, headers=etag).status_code == 200


def test_cancel_retry_and_delete_work_on_all_candidates(
    client: TestClient, database: Database, fake_worker: FakeWorker
) -> None:
    row = submit(client)
    here = row["links"]["self"]
    experiment, seed = fake_worker.claim()
    assert client.delete(here).json()["type"] == "/problems/sweep-active"
    assert client.post(f"{here}/retry").json()["type"] == "/problems/nothing-to-retry"
    cancelled = client.post(f"{here}/cancel").json()
    assert (cancelled["status"], cancelled["counts"]["cancelled"]) == ("running", 5)
    fake_worker.finish(experiment, "cancelled", seed=seed)
    assert read(client, row)["status"] == "cancelled"
    assert client.post(f"{here}/cancel").json()["type"] == "/problems/sweep-over"
    assert client.post(f"{here}/retry").json()["counts"]["queued"] == 6
    client.post(f"{here}/cancel")
    assert client.delete(here).status_code == 204
    assert client.get(here).json()["type"] == "/problems/unknown-sweep"
    assert [stored(database, each) for each in (Sweep, Experiment, Run)] == [0, 0, 0]
    assert stored(database, Exposure) == 1, "the candidate that had started stays on record"


def test_sweeps_and_candidates_come_in_pages(client: TestClient) -> None:
    rows = [submit(client, name=f"sweep {number}") for number in range(3)]
    page = client.get("/sweeps?limit=2").json()
    assert [each["name"] for each in page["items"]] == ["sweep 2", "sweep 1"]
    assert [each["name"] for each in client.get(page["next"]).json()["items"]] == ["sweep 0"]
    first = read(client, rows[0], "/candidates?limit=4")
    rest = client.get(first["next"]).json()
    assert [each["candidate"] for each in first["items"] + rest["items"]] == list(range(6))
    assert rest["next"] is None


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_sweep_is_404(client: TestClient, method: str) -> None:
    assert client.request(method, "/sweeps/7").json()["type"] == "/problems/unknown-sweep"
    for below in ("/candidates", "/cancel", "/retry"):
        response = client.request("GET" if below == "/candidates" else "POST", f"/sweeps/7{below}")
        assert response.json()["type"] == "/problems/unknown-sweep"
