"""Experiments over HTTP: submitted, validated, listed, read, cancelled, deleted."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.api.openapi.request_examples import SPECS, spec
from service.store.database import Database
from service.store.tables import Base, DatasetRows, Experiment, ExposedPart, Exposure, Key, Run
from tests.service.fake_worker import CONFUSION, FakeWorker

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_nothing_but_defaults_is_taken_into_the_queue(client: TestClient) -> None:
    response = client.post("/experiments", json={})
    answer = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == answer["links"]["self"] == f"/experiments/{answer['id']}"
    assert response.headers["retry-after"] == "1"
    assert answer["status"] == "queued"
    assert [warning["code"] for warning in answer["warnings"]] == ["one_seed"]
    for name in ("self", "metrics", "classes", "confusion"):
        assert client.get(answer["links"][name]).status_code == 200


def test_a_queued_experiment_is_answered_in_full(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(name="first", tags=["b", "a"], seeds=[2, 0], priority=3)
    answer = fake_worker.read(experiment_id)
    assert TIME.fullmatch(answer.pop("created_at"))
    assert answer["spec"]["loss"] == {"name": "cross_entropy", "output": "softmax", "label_smoothing": 0.0}
    assert len(answer["spec"]["dataset"]["sha256"]) == 64
    assert answer["plan"]["split_counts"] == {"train": [630, 70], "validation": [180, 20], "test": [90, 10]}
    assert answer["plan"]["dataset"]["classes"] == ["0", "1"]
    expected = {
        "id": experiment_id,
        "name": "first",
        "status": "queued",
        "tags": ["a", "b"],
        "priority": 3,
        "started_at": None,
        "finished_at": None,
        "queue_position": 1,
        "progress": {"epoch": 0, "epochs": 40, "eta_seconds": None},
        "summary": None,
    }
    assert {key: answer[key] for key in expected} == expected
    assert [(run["seed"], run["status"], run["best_epoch"]) for run in answer["runs"]] == [
        (0, "queued", None),
        (2, "queued", None),
    ]


def test_progress_is_summed_over_the_runs(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(seeds=[0, 1, 2], training={"epochs": 10})
    for seed in (0, 1):
        fake_worker.claim()
        fake_worker.epoch(experiment_id, 1, CONFUSION, seed=seed)
        fake_worker.epoch(experiment_id, 2, CONFUSION, seed=seed)
    running = fake_worker.read(experiment_id)
    assert running["status"] == "running"
    assert running["queue_position"] is None
    # 8 + 8 + 10 epochs are left, at 2 s each, on the two processes at work
    assert running["progress"] == {"epoch": 4, "epochs": 30, "eta_seconds": 26.0}
    fake_worker.finish(experiment_id, "succeeded", seed=0)
    stopped_early = fake_worker.read(experiment_id)
    # 10 epochs of one run are more than half of the 18 that are left
    assert stopped_early["progress"] == {"epoch": 4, "epochs": 22, "eta_seconds": 36.0}
    fake_worker.claim()
    assert fake_worker.read(experiment_id)["progress"]["eta_seconds"] == 20.0


def test_the_queue_position_is_the_order_in_which_runs_are_claimed(fake_worker: FakeWorker) -> None:
    submitted = [fake_worker.submit(priority=priority) for priority in (0, 5, 0, 9)]
    positions = {each: fake_worker.read(each)["queue_position"] for each in submitted}
    claimed = [fake_worker.claim()[0] for _ in submitted]
    assert claimed == sorted(submitted, key=lambda each: positions[each])
    assert [fake_worker.read(each)["queue_position"] for each in submitted] == [None] * 4


def test_several_seeds_wait_one_behind_the_other(fake_worker: FakeWorker) -> None:
    first, second = fake_worker.submit(seeds=[0, 1, 2]), fake_worker.submit()
    assert fake_worker.read(first)["queue_position"] == 1
    assert fake_worker.read(second)["queue_position"] == 4


def test_every_example_runs_as_it_stands(client: TestClient) -> None:
    for example in set(SPECS) - {"mnist"}:
        validated = client.post("/experiments/validate", json=spec(example))
        assert validated.status_code == 200, validated.text
        submitted = client.post("/experiments", json=spec(example))
        assert submitted.json()["spec_hash"] == validated.json()["spec_hash"]


def test_the_example_that_needs_files_says_so(client: TestClient) -> None:
    (error,) = client.post("/experiments/validate", json=spec("mnist")).json()["errors"]
    assert error["path"].startswith("dataset")
    assert "no data set 'mnist'" in error["message"]


def test_validation_resolves_a_spec_and_stores_nothing(client: TestClient, database: Database) -> None:
    given = {"dataset": "wine", "loss": "focal", "model": {"hidden": [10]}, "training": {"batch_size": 32}}
    answer = client.post("/experiments/validate", json=given).json()
    assert answer["spec"]["loss"]["gamma"] == 2.0
    assert answer["parameters"] == 13 * 10 + 10 + 10 * 3 + 3
    assert answer["steps"] == 20 * 4  # 124 training rows in batches of 32
    assert [sum(answer["split_counts"][part]) for part in ("train", "validation", "test")] == [124, 36, 18]
    assert answer["sampled_counts"] == answer["split_counts"]["train"]
    assert client.post("/experiments/validate", json=answer["spec"]).json() == answer
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(Experiment)) == 0


def test_a_list_has_flat_rows_the_newest_first(client: TestClient, fake_worker: FakeWorker) -> None:
    first = fake_worker.submit(name="first", tags=["x"], seeds=[1, 0])
    second = fake_worker.submit(name="second")
    items = client.get("/experiments").json()["items"]
    assert [item["id"] for item in items] == [second, first]
    flat = {"name": "first", "tags": ["x"], "seeds": [0, 1], "status": "queued", "epoch": 0, "epochs": 40}
    assert {key: items[1][key] for key in flat} == flat
    assert TIME.fullmatch(items[1]["created_at"])


def test_nothing_listed_is_an_empty_list(client: TestClient) -> None:
    assert client.get("/experiments").json() == {"items": [], "next": None}


def test_a_list_is_filtered(client: TestClient, fake_worker: FakeWorker) -> None:
    fake_worker.submit(name="plain")
    fake_worker.submit(name="focal", loss="focal", balancing="oversample", tags=["a"])
    sgd = fake_worker.submit(name="sgd", optimizer="sgd", dataset="iris", tags=["a", "c"])
    client.post(f"/experiments/{sgd}/cancel")
    filtered: list[tuple[dict[str, str], set[str]]] = [
        ({"status": "queued"}, {"focal", "plain"}),
        ({"status": "cancelled"}, {"sgd"}),
        ({"status": "failed"}, set()),
        ({"dataset": "iris"}, {"sgd"}),
        ({"loss": "focal"}, {"focal"}),
        ({"optimizer": "sgd"}, {"sgd"}),
        ({"balancing": "oversample"}, {"focal"}),
        ({"tag": "a"}, {"focal", "sgd"}),
        ({"tag": "a", "dataset": "iris"}, {"sgd"}),
        ({"tag": "b"}, set()),
    ]
    for query, expected in filtered:
        found = client.get("/experiments", params=query).json()["items"]
        assert {item["name"] for item in found} == expected, query


@pytest.mark.parametrize(("sort", "ascending"), [("id", True), ("-id", False)])
def test_pages_neither_repeat_nor_miss_while_experiments_come_and_go(
    client: TestClient, fake_worker: FakeWorker, sort: str, ascending: bool
) -> None:
    ids = [fake_worker.submit() for _ in range(7)]
    ids = ids if ascending else ids[::-1]
    seen: list[int] = []
    path: str | None = f"/experiments?limit=3&sort={sort}&status=queued"
    while path:
        page = client.get(path).json()
        seen += [item["id"] for item in page["items"]]
        path = page["next"]
        if len(seen) == 3:  # the one that the next page would start after is gone
            client.post(f"/experiments/{seen[-1]}/cancel")
            client.delete(f"/experiments/{seen[-1]}")
            added = fake_worker.submit()
    assert seen == ([*ids, added] if ascending else ids)


def test_a_page_costs_the_same_number_of_queries_however_long(
    client: TestClient, database: Database, fake_worker: FakeWorker, statements: list[str]
) -> None:
    def queries_for_a_page() -> int:
        statements.clear()
        client.get("/experiments")
        return len([each for each in statements if each.startswith("SELECT")])

    fake_worker.submit(tags=["a"])
    alone = queries_for_a_page()
    for _ in range(5):
        fake_worker.submit(tags=["a", "b"], seeds=[0, 1])
    # How far they are, which ones, and then: them, their tags, their runs. SQLite shows at once who asks.
    assert queries_for_a_page() == alone == (5 if database.is_sqlite else 6)


def test_a_queued_experiment_is_cancelled_at_once(client: TestClient, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(seeds=[0, 1])
    response = client.post(f"/experiments/{experiment_id}/cancel")
    assert response.status_code == 202
    assert response.json()["status"] == "cancelled"
    assert {run["status"] for run in fake_worker.read(experiment_id)["runs"]} == {"cancelled"}


def test_a_running_one_is_told_to_stop(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    experiment_id = fake_worker.submit(seeds=[0, 1])
    fake_worker.claim()
    assert client.post(f"/experiments/{experiment_id}/cancel").json()["status"] == "running"
    with database.read() as connection:
        asked = connection.scalars(select(Run.cancel_requested).where(Run.status == "running")).all()
    assert asked == [True]
    assert client.post(f"/experiments/{experiment_id}/cancel").status_code == 202  # as often as one likes


KEPT = {Key.__tablename__, *(table.__tablename__ for table in (DatasetRows, ExposedPart, Exposure))}
"""The tables that keep rows: which rows the experiment used is still known when it is gone."""


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_what_is_over_cannot_be_cancelled_and_can_be_deleted(
    client: TestClient, fake_worker: FakeWorker, database: Database, status: str
) -> None:
    experiment_id = fake_worker.submit(tags=["a"])
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    fake_worker.finish(experiment_id, status)
    refused = client.post(f"/experiments/{experiment_id}/cancel")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/experiment-over"
    assert status in refused.json()["detail"]
    deleted = client.delete(f"/experiments/{experiment_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert client.get(f"/experiments/{experiment_id}").status_code == 404
    with database.read() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in KEPT:
                assert connection.scalar(select(func.count()).select_from(table)) == 0, table.name


@pytest.mark.parametrize("started", [False, True])
def test_what_is_not_over_cannot_be_deleted(
    client: TestClient, fake_worker: FakeWorker, started: bool
) -> None:
    experiment_id = fake_worker.submit()
    if started:
        fake_worker.claim()
    refused = client.delete(f"/experiments/{experiment_id}")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/experiment-active"
    assert fake_worker.read(experiment_id)["status"] in refused.json()["detail"]


def test_an_unknown_experiment_is_404(client: TestClient) -> None:
    read = [("GET", path) for path in ("", "/metrics", "/classes", "/confusion")]
    for method, path in (*read, ("DELETE", ""), ("POST", "/cancel")):
        response = client.request(method, f"/experiments/41{path}")
        assert response.status_code == 404, path
        assert response.json()["type"] == "/problems/unknown-experiment"
        assert "41" in response.json()["detail"]


def test_reading_never_writes(client: TestClient, fake_worker: FakeWorker, statements: list[str]) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, CONFUSION)
    statements.clear()
    for path in ("", f"/{experiment_id}", f"/{experiment_id}/metrics", f"/{experiment_id}/classes"):
        assert client.get(f"/experiments{path}").status_code == 200
    assert {each.split()[0] for each in statements} <= {"BEGIN", "SELECT"}
    assert not [each for each in statements if "IMMEDIATE" in each or "FOR UPDATE" in each]


def test_an_agent_is_woken_after_the_commit(app: FastAPI, client: TestClient, database: Database) -> None:
    seen: list[Any] = []

    class Agent:
        is_full = False

        def wake(self) -> None:
            with database.read() as connection:
                seen.append(connection.execute(select(Run.status)).scalars().all())

    with app.state.notifier.listening(Agent()):
        experiment_id = client.post("/experiments", json={}).json()["id"]
        client.post(f"/experiments/{experiment_id}/cancel")
        client.post(f"/experiments/{experiment_id}/retry")
    client.post(f"/experiments/{experiment_id}/cancel")
    assert seen == [["queued"], ["cancelled"], ["queued"]]


def test_more_clients_than_threads_and_connections_are_all_served(client: TestClient) -> None:
    def submit_and_read(_: int) -> int:
        link = client.post("/experiments", json={"dataset": "iris"}).headers["location"]
        return client.get(link).status_code

    with ThreadPoolExecutor(60) as clients:
        assert set(clients.map(submit_and_read, range(60))) == {200}
    assert len(client.get("/experiments").json()["items"]) == 60
