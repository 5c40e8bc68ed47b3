"""Sweeps that learn, from the first candidates to the end: chosen as others end, once, whatever process does it."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from service.experiments import sweep_proposer
from service.experiments.sweep_proposer import SweepProposer
from service.store import queue, sweep_proposals
from service.store.database import Database
from service.store.tables import Experiment, Sweep
from service.store.webhooks import sweep_messages
from tests.service.experiments.compared import confusion
from tests.service.fake_worker import FakeWorker
from workers.sweeps.strategies import optuna_search

pytest.importorskip("optuna", reason="the extra optuna is not installed")

SPEC = {
    "dataset": {"name": "synthetic", "counts": [900, 100], "features": 2},
    "training": {"epochs": 1},
    "seeds": [0],
}
RATE = "optimizer.learning_rate"
REQUEST: dict[str, Any] = {
    "spec": SPEC,
    "space": {RATE: {"log": [1e-4, 1e-1]}},
    "strategy": {"name": "tpe", "startup": 2, "outstanding": 2},
    "candidates": 6,
}


@pytest.fixture
def proposer(app: FastAPI, database: Database) -> SweepProposer:
    return SweepProposer(database, app.state.registry, app.state.notifier)


def submit(client: TestClient, **changes: Any) -> str:
    response = client.post("/sweeps", json=REQUEST | changes)
    assert response.status_code == 202, response.text
    path: str = response.json()["links"]["self"]
    return path


def train(worker: FakeWorker, *, last_first: bool = False, status: str = "succeeded") -> None:
    """Train what is queued. The value of a candidate follows from its learning rate alone."""
    claimed = []
    while _has_work(worker.database):
        claimed.append(worker.claim())
    for id_, seed in reversed(claimed) if last_first else claimed:
        rate = worker.read(id_)["spec"]["optimizer"]["learning_rate"]
        worker.epoch(id_, 1, confusion(int(rate * 1e9) % 20), seed=seed)
        worker.finish(id_, status, seed=seed)


def _has_work(database: Database) -> bool:
    with database.read() as connection:
        return queue.has_work(connection)


def rates(client: TestClient, path: str) -> list[float]:
    items = client.get(f"{path}/candidates").json()["items"]
    return [each["values"][RATE] for each in items]


def test_candidates_are_chosen_as_others_end(
    client: TestClient, database: Database, fake_worker: FakeWorker, proposer: SweepProposer
) -> None:
    path = submit(client)
    sweep = client.get(path).json()
    assert (sweep["candidates"], sweep["to_come"], sweep["counts"]["queued"], sweep["runs"]) == (6, 4, 2, 2)
    assert sweep["progress"] == {"epoch": 0, "epochs": 6, "eta_seconds": None}
    assert not proposer.propose()
    while client.get(path).json()["status"] in ("queued", "running"):
        train(fake_worker)
        with database.write() as connection:
            over = client.get(path).json()["to_come"] == 0
            assert sweep_messages.has_ended(connection) == over
        proposer.propose()
    sweep = client.get(path).json()
    assert (sweep["status"], sweep["candidates"], sweep["to_come"]) == ("succeeded", 6, 0)
    assert sweep["counts"]["succeeded"] == 6
    assert len(set(rates(client, path))) == 6
    with database.read() as connection:
        assert list(connection.scalars(select(Experiment.candidate).order_by(Experiment.id))) == list(
            range(6)
        )


def test_the_order_in_which_candidates_end_changes_nothing(
    client: TestClient, fake_worker: FakeWorker, proposer: SweepProposer
) -> None:
    found = []
    for last_first in (False, True):
        path = submit(client)
        while client.get(path).json()["status"] in ("queued", "running"):
            train(fake_worker, last_first=last_first)
            proposer.propose()
        found.append(rates(client, path))
    assert found[0] == found[1]


def test_two_processes_choose_once(
    client: TestClient, database: Database, fake_worker: FakeWorker, proposer: SweepProposer
) -> None:
    path = submit(client)
    train(fake_worker)
    with database.read() as connection:
        (seen,) = sweep_proposals.awaiting(connection)
    assert proposer.propose()
    proposer._propose_or_leave(seen, range(2, 4), {})  # another process that had read the sweep before
    assert client.get(path).json()["counts"]["queued"] == 2
    assert len(rates(client, path)) == 4


def test_a_cancelled_sweep_gets_no_more_candidates_until_it_is_retried(
    client: TestClient, fake_worker: FakeWorker, proposer: SweepProposer
) -> None:
    path = submit(client)
    train(fake_worker)
    assert client.get(path).json()["status"] == "running"
    client.post(f"{path}/cancel").raise_for_status()
    sweep = client.get(path).json()
    assert (sweep["status"], sweep["candidates"], sweep["to_come"]) == ("cancelled", 2, 0)
    assert not proposer.propose()
    client.post(f"{path}/retry").raise_for_status()
    assert client.get(path).json()["to_come"] == 4
    assert proposer.propose()
    assert len(rates(client, path)) == 4


def test_candidates_that_fail_are_replaced_by_no_others_but_do_not_end_the_sweep(
    client: TestClient, fake_worker: FakeWorker, proposer: SweepProposer
) -> None:
    path = submit(client)
    while client.get(path).json()["status"] in ("queued", "running"):
        train(fake_worker, status="failed")
        proposer.propose()
    sweep = client.get(path).json()
    assert (sweep["status"], sweep["counts"]["failed"]) == ("failed", 6)


def test_a_sweep_says_that_no_agent_has_what_its_strategy_needs(
    client: TestClient,
    fake_worker: FakeWorker,
    proposer: SweepProposer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = submit(client)
    train(fake_worker)
    with monkeypatch.context() as without:
        without.setattr(optuna_search, "find_spec", lambda name: None)
        assert not proposer.propose()
        before = client.get(path)
        assert before.json()["waiting_for"] is None  # another agent may have it
        without.setattr(sweep_proposer, "PATIENCE_SECONDS", 0.0)
        assert not proposer.propose()
        response = client.get(path, headers={"If-None-Match": before.headers["etag"]})
        assert (response.status_code, response.json()["waiting_for"]) == (200, "optuna")
        client.post(f"{path}/cancel").raise_for_status()
        assert client.get(path).json()["waiting_for"] is None
        client.post(f"{path}/retry").raise_for_status()
        assert client.get(path).json()["waiting_for"] == "optuna"
    assert proposer.propose()
    assert client.get(path).json()["waiting_for"] is None


def test_a_sweep_whose_data_set_has_gone_ends(
    client: TestClient,
    database: Database,
    fake_worker: FakeWorker,
    proposer: SweepProposer,
) -> None:
    path = submit(client)
    train(fake_worker)
    with database.write() as connection:
        sweep = connection.execute(select(Sweep)).one()
        request = sweep.request | {"spec": sweep.request["spec"] | {"dataset": {"name": "gone"}}}
        connection.execute(update(Sweep).values(request=request))
    proposer.propose()
    sweep = client.get(path).json()
    assert (sweep["status"], sweep["to_come"], sweep["candidates"]) == ("succeeded", 0, 2)
