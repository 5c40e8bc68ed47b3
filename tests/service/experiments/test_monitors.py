"""Monitors through the API: batches in order, alarms, repetitions, odd batches, deletion."""

import threading
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.experiments import monitors as monitor_service
from service.store.tables import Delivery, Monitor, MonitorBatch, MonitorSample
from service.store.webhooks import webhooks
from tests.service.experiments.test_named_rows import Trained, as_csv, cells
from tests.service.experiments.test_shift import Digits, npz, send
from tests.service.fake_worker import FakeWorker
from tests.workers.data.preprocessing.mixed_tables import mixed_table

BOTH = ["outputs", "features"]


@pytest.fixture
def people(app: FastAPI, client: TestClient, fake_worker: FakeWorker) -> Trained:
    return Trained(app, client, fake_worker)


@pytest.fixture
def digits(app: FastAPI, fake_worker: FakeWorker) -> Digits:
    return Digits(app, fake_worker)


def create(client: TestClient, experiment_id: int, **more: Any) -> str:
    made = client.post("/monitors", json={"experiment_id": experiment_id, "name": "line", **more})
    assert made.status_code == 201, made.text
    path: str = made.headers["location"]
    assert path == made.json()["links"]["self"]
    return path


def rows(seed: int, size: int = 60) -> dict[str, Any]:
    return {"rows": cells(mixed_table(size, seed=seed))}


def moved(seed: int) -> dict[str, Any]:
    body = rows(seed)
    for row in body["rows"]:
        row["age"] = None if row["age"] is None else row["age"] * 1000
    return body


def test_a_quiet_monitor_spends_its_level_and_stays_quiet(client: TestClient, people: Trained) -> None:
    path = create(client, people.id)
    made = client.get(path).json()
    assert (made["status"], made["evidence"], made["spent"], made["threshold"]) == ("quiet", 1, 0, 40)
    assert made["next_level"] == pytest.approx(0.0152, abs=1e-4)
    for day in range(1, 4):
        added = client.post(f"{path}/batches", params={"name": f"day {day}"}, json=rows(day))
        assert added.status_code == 201, added.text
        found = added.json()
        assert (found["number"], found["name"], found["alarms"]) == (day, f"day {day}", [])
        assert added.headers["location"] == f"{path}/batches/{day}"
        assert [each["name"] for each in found["tests"]] == made["detectors"]
        assert found["report"]["rows"] == 60
    monitor = client.get(path).json()
    assert monitor["batches"] == 3
    assert monitor["spent"] == pytest.approx(0.025 * 0.6079 * (1 + 1 / 4 + 1 / 9), rel=1e-3)
    listed = client.get(f"{path}/batches", params={"limit": 2}).json()
    assert [each["number"] for each in listed["items"]] == [3, 2]
    assert [each["number"] for each in client.get(listed["next"]).json()["items"]] == [1]
    report = client.get(f"{path}/batches/2").json()["report"]
    alone = client.post(f"/experiments/{people.id}/shift", json=rows(2)).json()
    assert report.keys() == alone.keys()
    assert report["features"][0] == alone["features"][0]


def test_an_alarm_stays_and_is_sent_to_webhooks_once(
    app: FastAPI, client: TestClient, people: Trained
) -> None:
    with app.state.database.write() as connection:
        webhooks.create(connection, "http://127.0.0.1:9/alarm", ["monitor.alarm"])
    path = create(client, people.id, detectors=BOTH)
    client.post(f"{path}/batches", json=rows(1))
    alarm = client.post(f"{path}/batches", json=moved(2)).json()
    assert alarm["alarms"] == ["validation", "before"]
    assert alarm["moved"][0] == "age"
    assert alarm["features_moved"] >= 1
    client.post(f"{path}/batches", json=moved(3))
    client.post(f"{path}/batches", json=rows(4))
    monitor = client.get(path).json()
    assert (monitor["status"], monitor["first_alarm"], monitor["batches"]) == ("alarm", 2, 4)
    assert monitor["alarmed_at"] == alarm["received_at"]
    with app.state.database.read() as connection:
        (message,) = connection.execute(select(Delivery.event, Delivery.monitor_id, Delivery.content)).all()
    assert (message.event, message.monitor_id) == ("monitor.alarm", monitor["id"])
    assert '"alarms": ["validation", "before"]' in message.content
    assert 'holdout_monitors{status="alarm"} 1.0' in client.get("/metrics").text
    chart = client.get(f"{path}/chart.svg")
    assert "Batches with an alarm: 2, 3" in chart.text
    assert client.get(f"{path}/chart.png").status_code in (200, 501, 503)


def test_a_name_makes_a_batch_idempotent(client: TestClient, people: Trained) -> None:
    path = create(client, people.id, detectors=BOTH)
    first = client.post(f"{path}/batches", params={"name": "a"}, json=rows(1))
    again = client.post(f"{path}/batches", params={"name": "a"}, json=rows(1))
    assert again.json() == first.json()
    other = client.post(f"{path}/batches", params={"name": "a"}, json=rows(2))
    assert other.status_code == 409
    assert other.json()["type"].endswith("batch-name-taken")
    form = (client, f"{path}/batches", as_csv(mixed_table(60, seed=3)), "csv")
    assert send(*form, name="b").json()["name"] == "b"
    assert send(*form, name="b").json()["number"] == 2
    for name, query, wrong in (("c", "?name=d", "is 'd' in the query"), ("x" * 101, "", "at most 100")):
        odd = send(client, f"{path}/batches{query}", as_csv(mixed_table(60, seed=1)), "csv", name=name)
        assert (odd.status_code, wrong in odd.text) == (422, True), odd.text
    nameless = [client.post(f"{path}/batches", json=rows(1)).json()["number"] for _ in range(2)]
    assert nameless == [3, 4]


def test_json_csv_and_npz_are_taken_as_by_shift(client: TestClient, people: Trained, digits: Digits) -> None:
    table = mixed_table(60, seed=7)
    path = create(client, people.id, detectors=BOTH)
    labels = [("no", "yes")[label] for label in table.labels]
    by_json = client.post(f"{path}/batches?name=a", json={"rows": cells(table), "labels": labels}).json()
    assert by_json["accuracy"] is not None
    by_csv = send(client, f"{path}/batches", as_csv(table), "csv").json()
    assert by_csv["rows"] == 60
    images = create(client, digits.id, name="pixels", detectors=["outputs"])
    pixels = digits.validation.features[:40].reshape(-1, 8, 8)
    by_npz = send(client, f"{images}/batches", npz(x=pixels), "npz")
    assert by_npz.status_code == 201, by_npz.text
    assert by_npz.json()["accuracy"] is None


def test_two_batches_at_once_are_ordered_and_each_is_tested_once(
    app: FastAPI, client: TestClient, people: Trained
) -> None:
    path = create(client, people.id, detectors=BOTH)
    answers: list[Any] = []

    def add(seed: int, name: str) -> None:
        answers.append(client.post(f"{path}/batches", params={"name": name}, json=rows(seed)))

    given = [(1, "a"), (2, "b"), (1, "a"), (2, "b")]
    threads = [threading.Thread(target=add, args=each) for each in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.status_code for each in answers} == {201}
    assert client.get(path).json()["batches"] == 2
    assert sorted({(each.json()["number"], each.json()["name"]) for each in answers}) in (
        [(1, "a"), (2, "b")],
        [(1, "b"), (2, "a")],
    )
    with app.state.database.read() as connection:
        levels = connection.scalars(select(MonitorBatch.level).order_by(MonitorBatch.number)).all()
    assert levels[1] == pytest.approx(levels[0] / 4)


def test_a_batch_that_another_overtakes_is_tested_with_the_state_after_it(
    app: FastAPI, client: TestClient, people: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = create(client, people.id, detectors=BOTH)
    state, tested = app.state, list[int]()
    service = monitor_service.MonitorService(state.database, state.models, state.shift_references)
    real = monitor_service.BatchTest.__call__

    def overtaken(self: Any) -> Any:
        tested.append(self._monitor.batches)
        if len(tested) == 1:
            assert service.add(self._monitor.id, self._model, self._batch, None, "another").number == 1
        return real(self)

    monkeypatch.setattr(monitor_service.BatchTest, "__call__", overtaken)
    assert client.post(f"{path}/batches", json=rows(2)).json()["number"] == 2
    assert tested == [0, 0, 1]


def test_a_death_between_test_and_store_spends_nothing_and_the_repetition_finds_the_same(
    client: TestClient, people: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = create(client, people.id, name="killed")
    with monkeypatch.context() as patched:
        patched.setattr(monitor_service.MonitorService, "_store", _die)
        assert client.post(f"{path}/batches?name=a", json=rows(1)).status_code == 500
    assert client.get(path).json() | {"batches": 0, "evidence": 1} == client.get(path).json()
    first = client.post(f"{path}/batches?name=a", json=rows(1)).json()
    assert client.get(path).json()["batches"] == 1
    client.delete(path)
    other = client.post(f"{create(client, people.id, name='other')}/batches?name=a", json=rows(1)).json()
    assert [each["p_value"] for each in other["tests"]][:2] == [each["p_value"] for each in first["tests"]][
        :2
    ]


def _die(*_: Any) -> None:
    raise RuntimeError("killed")


def test_odd_batches_are_counted_or_refused_and_refused_ones_spend_nothing(
    client: TestClient, people: Trained, digits: Digits
) -> None:
    path = create(client, people.id)
    one = client.post(f"{path}/batches", json=rows(1, 1)).json()
    assert one["alarms"] == []
    lost = client.post(f"{path}/batches", json={"rows": [dict.fromkeys(row) for row in rows(2)["rows"]]})
    assert lost.json()["alarms"], lost.text
    constant = client.post(f"{path}/batches", json={"rows": [rows(3)["rows"][0]] * 60})
    assert constant.status_code == 201
    images = create(client, digits.id, name="pixels")
    refused: list[dict[str, Any]] = [{"rows": [[1.0, 2.0]]}, {"rows": [[None] * 64]}, {"rows": []}]
    for body in refused:
        assert client.post(f"{images}/batches", json=body).status_code == 422
    assert client.get(images).json()["batches"] == 0


def test_a_monitor_is_of_a_model_and_of_detectors_that_there_are(
    client: TestClient, people: Trained, fake_worker: FakeWorker
) -> None:
    path = create(client, people.id, detectors=BOTH)
    assert create(client, people.id, detectors=["features", "outputs"]) == path
    wanted = {"experiment_id": people.id, "name": "line"}
    assert client.post("/monitors", json={**wanted, "alpha": 0.01}).status_code == 409
    assert client.post("/monitors", json={**wanted, "name": "x", "seed": 99}).status_code == 404
    assert client.post("/monitors", json={"experiment_id": 999, "name": "x"}).status_code == 404
    waiting = fake_worker.submit(seeds=[1])
    assert client.post("/monitors", json={"experiment_id": waiting, "name": "x"}).status_code == 409
    invalid: list[dict[str, Any]] = [{"alpha": 0}, {"alpha": 0.9}, {"detectors": []}, {"name": ""}]
    invalid += [{"alpha": "0.1"}, {"fold": False}, {"seed": "1"}, {"repeat": 0.5}]
    for wrong in [*invalid, {"detectors": ["ks"]}]:
        assert client.post("/monitors", json={**wanted, **wrong}).status_code == 422
    (listed,) = client.get(f"/monitors?experiment_id={people.id}").json()["items"]
    assert listed["links"]["self"] == path
    assert client.get("/monitors?experiment_id=999").json()["items"] == []


def test_deleting_a_monitor_or_its_experiment_deletes_its_batches(
    app: FastAPI, client: TestClient, people: Trained
) -> None:
    path = create(client, people.id, detectors=BOTH)
    client.post(f"{path}/batches", json=rows(1))
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.get(f"{path}/batches").status_code == 404
    assert client.post(f"{path}/batches", json=rows(1)).status_code == 404
    path = create(client, people.id, detectors=BOTH)
    client.post(f"{path}/batches", json=rows(1))
    assert client.delete(f"/experiments/{people.id}").status_code == 204
    with app.state.database.read() as connection:
        for table in (Monitor, MonitorBatch, MonitorSample):
            assert connection.execute(select(table)).first() is None
