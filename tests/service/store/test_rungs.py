"""The rungs of successive halving: who goes on, who ends, and that one agent decides once."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from service.store import queue, rungs
from service.store.tables import Experiment, Run, Sweep
from tests.service.experiments.compared import confusion
from tests.service.fake_worker import FakeWorker

DATA = {"name": "synthetic", "counts": [900, 100], "features": 2}


@pytest.fixture
def worker(app: Any, client: TestClient) -> FakeWorker:
    return FakeWorker(client, app.state.database)


def submit(
    client: TestClient, candidates: int, epochs: int, name: str = "successive_halving", **training: Any
) -> dict[str, Any]:
    spec = {"dataset": DATA, "training": {"epochs": epochs, **training}, "seeds": [0]}
    space: Any = {"model.hidden": [[n] for n in range(1, candidates + 1)]}
    strategy = {"name": name, "draw": "grid"}
    if name == "hyperband":
        space, strategy = {"model.hidden[0]": {"integers": [1, 10_000]}}, {"name": name}
    response = client.post("/sweeps", json={"spec": spec, "space": space, "strategy": strategy})
    assert response.status_code == 202, response.text
    sweep: dict[str, Any] = response.json()
    return sweep


def statuses(client: TestClient, sweep: dict[str, Any]) -> list[str]:
    items = client.get(f"/sweeps/{sweep['id']}/candidates").json()["items"]
    return [each["status"] for each in items]


def train(
    worker: FakeWorker, scores: dict[int, int], *, without_probabilities: tuple[int, ...] = ()
) -> dict[int, list[int]]:
    """Train until nothing is left, each candidate with its score. Returns which experiments train to which epoch."""
    epochs: dict[int, list[int]] = {}
    while True:
        with worker.database.write() as connection:
            claim = queue.claim(connection, agent="one", lease_seconds=60, max_deaths=3)
        if claim is None:
            break
        until = claim.until_epoch or 9
        epochs.setdefault(until, []).append(claim.experiment_id)
        worker.epoch(
            claim.experiment_id,
            until,
            confusion(scores[claim.experiment_id]),
            run_id=claim.lease.run_id,
            distribution=claim.experiment_id not in without_probabilities,
        )
        with worker.database.write() as connection:
            if claim.until_epoch is None:
                queue.finish(connection, claim.lease, "succeeded")
            else:
                queue.hold(connection, claim.lease)
            rungs.decide(connection)
    return epochs


def test_rungs_follow_each_other_to_the_end(client: TestClient, worker: FakeWorker) -> None:
    sweep = submit(client, 9, 9)
    ids = [each["experiment_id"] for each in client.get(f"/sweeps/{sweep['id']}/candidates").json()["items"]]
    scores = {id_: 2 * place for place, id_ in enumerate(ids)}
    epochs = train(worker, scores)
    assert epochs == {1: ids, 3: ids[6:], 9: ids[8:]}
    assert statuses(client, sweep) == ["cancelled"] * 8 + ["succeeded"]
    assert client.get(f"/sweeps/{sweep['id']}").json()["status"] == "succeeded"


def test_the_brackets_of_hyperband_are_decided_by_themselves(client: TestClient, worker: FakeWorker) -> None:
    sweep = submit(client, 17, 9, "hyperband")
    ids = [each["experiment_id"] for each in client.get(f"/sweeps/{sweep['id']}/candidates").json()["items"]]
    assert len(ids) == 17
    epochs = train(worker, {id_: place for place, id_ in enumerate(ids)})
    assert sorted(epochs[1]) == ids[:9]
    assert sorted(epochs[3]) == [*ids[6:9], *ids[9:14]]
    assert sorted(epochs[9]) == [ids[8], ids[13], *ids[14:]]
    assert client.get(f"/sweeps/{sweep['id']}").json()["counts"]["succeeded"] == 5


def test_nothing_is_decided_while_a_candidate_trains(client: TestClient, worker: FakeWorker) -> None:
    sweep = submit(client, 3, 3)
    with worker.database.write() as connection:
        first = queue.claim(connection, agent="one", lease_seconds=60, max_deaths=3)
        second = queue.claim(connection, agent="one", lease_seconds=60, max_deaths=3)
    assert first is not None
    assert second is not None
    worker.epoch(first.experiment_id, 1, confusion(5), run_id=first.lease.run_id)
    with worker.database.write() as connection:
        queue.hold(connection, first.lease)
        rungs.decide(connection)
    assert statuses(client, sweep) == ["queued", "running", "queued"]


def test_a_held_run_of_a_cancelled_sweep_ends(client: TestClient, worker: FakeWorker) -> None:
    sweep = submit(client, 3, 3)
    with worker.database.write() as connection:
        claim = queue.claim(connection, agent="one", lease_seconds=60, max_deaths=3)
    assert claim is not None
    client.post(f"/sweeps/{sweep['id']}/cancel")
    with worker.database.write() as connection:
        queue.hold(connection, claim.lease)
        rungs.decide(connection)
    assert client.get(f"/sweeps/{sweep['id']}").json()["status"] == "cancelled"


def test_retried_candidates_train_to_their_end(client: TestClient, worker: FakeWorker) -> None:
    sweep = submit(client, 3, 3)
    client.post(f"/sweeps/{sweep['id']}/cancel")
    client.post(f"/sweeps/{sweep['id']}/retry")
    with worker.database.read() as connection:
        runs = connection.execute(select(Run.held, Run.until_epoch)).all()
    assert {tuple(run) for run in runs} == {(False, None)}


def test_a_candidate_without_a_value_of_the_metric_does_not_go_on(
    client: TestClient, worker: FakeWorker
) -> None:
    sweep = submit(client, 3, 3, early_stopping={"metric": "nll"})
    ids = [each["experiment_id"] for each in client.get(f"/sweeps/{sweep['id']}/candidates").json()["items"]]
    epochs = train(worker, dict.fromkeys(ids, 5), without_probabilities=tuple(ids[:2]))
    assert [len(each) for each in epochs.values()] == [3, 1]
    assert statuses(client, sweep) == ["cancelled", "cancelled", "succeeded"]


def test_if_no_candidate_has_a_value_the_sweep_ends(client: TestClient, worker: FakeWorker) -> None:
    sweep = submit(client, 3, 3, early_stopping={"metric": "nll"})
    ids = [each["experiment_id"] for each in client.get(f"/sweeps/{sweep['id']}/candidates").json()["items"]]
    train(worker, dict.fromkeys(ids, 5), without_probabilities=tuple(ids))
    assert statuses(client, sweep) == ["cancelled"] * 3


def test_a_sweep_that_cannot_be_decided_holds_up_no_other(
    client: TestClient, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The agent decides in the transaction in which it writes all of its runs: they would never end."""
    broken, sound = submit(client, 3, 3), submit(client, 3, 3)
    items = [client.get(f"/sweeps/{each['id']}/candidates").json()["items"] for each in (broken, sound)]
    values = rungs._values

    def values_of(connection: Any, sweep_id: int, metric: Any) -> dict[int, float]:
        if sweep_id == broken["id"]:
            raise TypeError("must be real number, not NoneType")
        return values(connection, sweep_id, metric)

    monkeypatch.setattr(rungs, "_values", values_of)
    train(worker, {each["experiment_id"]: 5 for each in [*items[0], *items[1]]})
    assert statuses(client, broken) == ["cancelled"] * 3
    assert sorted(statuses(client, sound)) == ["cancelled", "cancelled", "succeeded"]
    assert f"candidates of sweep {broken['id']} go on" in caplog.text


def test_a_sweep_that_was_stored_without_its_task_is_ranked_by_that_of_its_candidates(
    client: TestClient, worker: FakeWorker
) -> None:
    sweep = submit(client, 3, 3)
    with worker.database.write() as connection:
        stored = connection.execute(select(Sweep).where(Sweep.id == sweep["id"])).one()
        request = {**stored.request, "spec": {**stored.request["spec"], "task": None}}
        connection.execute(update(Sweep).values(request=request))
        found = connection.execute(select(Sweep).where(Sweep.id == sweep["id"])).one()
        (id_, spec), *_ = connection.execute(select(Experiment.id, Experiment.spec)).all()
        connection.execute(
            update(Experiment).where(Experiment.id == id_).values(spec={**spec, "task": "regression"})
        )
        assert rungs._ranking_metric(connection, found, id_) == "rmse"
