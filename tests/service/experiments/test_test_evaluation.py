"""The sealed test set: looks are limited by the budget, answers reveal no more than promised, and no look is lost."""

import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from service.experiments.row_records import complete_records
from service.settings import Settings
from service.store import ledger
from service.store.database import Database
from service.store.tables import LedgerEntry
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker
from workers.spec import ExperimentSpec
from workers.training import Trainer

Train = Callable[..., int]
SPEC = {"dataset": "iris", "model": {"hidden": [8]}, "training": {"epochs": 2}}


@pytest.fixture
def train(app: FastAPI, fake_worker: FakeWorker) -> Train:
    """An experiment on iris that has succeeded; `trainers` keeps what trained it."""

    def train(*, seeds: tuple[int, ...] = (0,), **spec: Any) -> int:
        experiment_id = fake_worker.submit(**(SPEC | spec), seeds=list(seeds))
        for _ in seeds:
            fake_worker.claim()
        for seed in seeds:
            trainers[experiment_id, seed] = train_seed(app, fake_worker, experiment_id, seed)[0]
        return experiment_id

    trainers: dict[tuple[int, int], Trainer] = {}
    train.trainers = trainers  # type: ignore[attr-defined]
    return train


@pytest.fixture
def set_budget(app: FastAPI, client: TestClient, settings: Settings) -> Callable[..., None]:
    """Another budget, or a Ladder, from here on."""

    def change(**changed: Any) -> None:
        app.state.settings = settings.model_copy(update=changed)

    return change


def look(client: TestClient, experiment_id: int, status: int = 201) -> dict[str, Any]:
    response = client.post(f"/experiments/{experiment_id}/test-evaluations")
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def read_ledger(client: TestClient, experiment_id: int) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/experiments/{experiment_id}/test-evaluations").json()
    return answer


def test_the_answer_is_the_mean_over_the_seeds_on_rows_outside_training(
    app: FastAPI, client: TestClient, train: Train, fake_worker: FakeWorker
) -> None:
    experiment_id = train(seeds=(3, 5))
    said = look(client, experiment_id)
    spec = ExperimentSpec.model_validate(fake_worker.read(experiment_id)["spec"])
    part = app.state.registry.test_part(spec.dataset, spec.split)
    recalls = []
    for seed in (3, 5):
        rows = {"rows": part.features.tolist()}
        items = client.post(f"/experiments/{experiment_id}/predict?seed={seed}", json=rows).json()["items"]
        predicted = np.array([item["index"] for item in items])
        recalls.append([np.mean(predicted[part.labels == k] == k) for k in range(3)])
    assert (said["look"], said["looks"], said["seeds"]) == (1, 1, 2)
    assert said["accuracy"] == pytest.approx(np.mean(recalls))  # as many rows of each class
    assert said["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    told = [each["accuracy"] for each in said["classes"]]
    np.testing.assert_allclose(told, np.mean(recalls, axis=0))
    assert [each["class"] for each in said["classes"]] == ["setosa", "versicolor", "virginica"]
    assert said["majority_accuracy"] == pytest.approx(1 / 3)


def test_a_second_model_finds_the_budget_spent_and_the_first_may_repeat_its_request(
    client: TestClient, train: Train
) -> None:
    first, second = train(), train(seeds=(1,))
    said = look(client, first)
    refused = look(client, second, 409)
    assert refused["type"] == "/problems/test-set-spent"
    (entry,) = refused["errors"]
    assert entry["value"] == {
        "kind": "looked_at",
        "rows": 15,
        "experiment_id": first,
        "owner": "local",
        "dataset": "iris",
        "look": 1,
    }
    assert look(client, first, 200) == said
    book = read_ledger(client, second)
    assert (book["budget"], book["remaining"], book["looks"], book["items"]) == (1, 0, 1, [said])


def test_a_budget_of_more_looks_widens_the_bounds_of_all(
    client: TestClient, train: Train, set_budget: Callable[..., None]
) -> None:
    set_budget(test_budget=3)
    first = look(client, train())
    assert [bound["name"] for bound in first["bounds"]] == ["wilson", "wilson_all_looks", "adaptive"]
    plain, all_looks, adaptive = first["bounds"]
    assert (plain["low"], plain["high"]) == (all_looks["low"], all_looks["high"])
    assert adaptive["low"] <= plain["low"]
    look(client, train(seeds=(1,)))
    later = read_ledger(client, first["experiment_id"])["items"][0]
    assert later["accuracy"] == first["accuracy"]
    assert later["bounds"][0] == plain
    for before, after in zip(first["bounds"][1:], later["bounds"][1:], strict=True):
        assert after["high"] - after["low"] > before["high"] - before["low"] or after["low"] == 0
    of_balanced = first["balanced_accuracy_bounds"]
    assert [bound["name"] for bound in of_balanced] == ["jeffreys", "jeffreys_all_looks", "adaptive"]
    assert all(bound["low"] <= first["balanced_accuracy"] <= bound["high"] for bound in of_balanced)
    assert all(each["accuracy_low"] <= each["accuracy"] <= each["accuracy_high"] for each in first["classes"])


def test_an_earlier_look_of_more_seeds_widens_the_adaptive_bound_of_a_later_one(
    client: TestClient, train: Train, set_budget: Callable[..., None]
) -> None:
    """The bound of the second look counts the answers of the first: 3 models tell more than 1."""
    set_budget(test_budget=4)
    look(client, train())
    of_one = look(client, train(seeds=(1,)))
    half = [(1 + each["high"] - each["low"]) for each in of_one["bounds"] if each["name"] == "adaptive"]
    support = [each["support"] for each in of_one["classes"]]
    rows, told = sum(support), sum(math.log(n + 1) for n in support)
    expected = math.sqrt((told + math.log(2 * 2 / 0.05)) / (2 * rows))
    accuracy = of_one["accuracy"]
    low, high = max(0.0, accuracy - expected), min(1.0, accuracy + expected)
    assert half == [pytest.approx(1 + high - low)]
    look(client, train(seeds=(2, 3, 4)))
    last = look(client, train(seeds=(5,)))
    told = 2 * told + sum(math.log(3 * n + 1) for n in support)
    expected = math.sqrt((told + math.log(2 * 4 / 0.05)) / (2 * rows))
    adaptive = last["bounds"][2]
    assert adaptive["low"] == pytest.approx(max(0.0, last["accuracy"] - expected))


def test_a_lost_answer_is_repeated_and_costs_nothing(
    client: TestClient, train: Train, database: Database
) -> None:
    """As if the service had died between the entry and the answer."""
    experiment_id = train()
    said = look(client, experiment_id)
    with database.write() as connection:
        connection.execute(update(LedgerEntry).values(answer=None, losses=None))
    unanswered = read_ledger(client, experiment_id)["items"][0]
    assert (unanswered["accuracy"], unanswered["bounds"], unanswered["classes"]) == (None, [], [])
    assert look(client, experiment_id, 200) == said


def test_a_look_that_another_request_enters_meanwhile_has_the_same_answer(
    client: TestClient, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = train()

    def after_another(*arguments: Any) -> None:
        monkeypatch.undo()
        look(client, experiment_id)
        complete_records(*arguments)

    monkeypatch.setattr("service.experiments.test_evaluation.complete_records", after_another)
    look(client, experiment_id, 200)


def test_concurrent_looks_never_exceed_the_budget(
    client: TestClient, train: Train, database: Database, set_budget: Callable[..., None]
) -> None:
    set_budget(test_budget=2)
    ids = [train(seeds=(seed,)) for seed in range(6)]

    def ask(experiment_id: int) -> int:
        return client.post(f"/experiments/{experiment_id}/test-evaluations").status_code

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, ids + ids))
    assert answers.count(201) == 2
    assert answers.count(200) == 2
    assert answers.count(409) == 8
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(LedgerEntry)) == 2


def test_a_ladder_reports_only_a_clear_improvement(
    client: TestClient, train: Train, set_budget: Callable[..., None]
) -> None:
    set_budget(test_ladder=True)
    poor = train(training={"epochs": 1}, optimizer={"name": "sgd", "learning_rate": 1e-6})
    good = train(training={"epochs": 40}, optimizer={"name": "adam", "learning_rate": 0.02})
    same = train(training={"epochs": 40}, optimizer={"name": "adam", "learning_rate": 0.02}, seeds=(1,))
    first, second, third = (look(client, each) for each in (poor, good, same))
    assert (first["improved"], second["improved"], third["improved"]) == (True, True, False)
    assert second["accuracy"] > first["accuracy"]
    assert third["accuracy"] == second["accuracy"]
    for said in (first, second, third):
        assert (said["classes"], said["bounds"], said["balanced_accuracy"]) == ([], [], None)
    assert read_ledger(client, good)["remaining"] is None


def test_a_deleted_experiment_stays_in_the_ledger(client: TestClient, train: Train) -> None:
    first, second = train(), train(seeds=(1,))
    look(client, first)
    assert client.delete(f"/experiments/{first}").status_code == 204
    assert read_ledger(client, second)["items"][0]["experiment_id"] == first
    look(client, second, 409)


def test_without_a_model_or_a_test_part_no_look_is_spent(
    client: TestClient, train: Train, fake_worker: FakeWorker
) -> None:
    queued = fake_worker.submit(**SPEC)
    assert look(client, queued, 409)["type"] == "/problems/no-model"
    assert read_ledger(client, queued)["looks"] == 0
    whole = fake_worker.submit(**SPEC, split={"train": 0.7, "validation": 0.3, "test": 0})
    assert look(client, whole, 409)["type"] == "/problems/no-test-part"
    assert client.get(f"/experiments/{whole}/test-evaluations").status_code == 409
    assert look(client, 999, 404)["type"] == "/problems/unknown-experiment"


def test_an_unchanged_ledger_is_not_sent_again(client: TestClient, train: Train) -> None:
    experiment_id = train()
    address = f"/experiments/{experiment_id}/test-evaluations"
    tag = {"If-None-Match": client.get(address).headers["etag"]}
    assert client.get(address, headers=tag).status_code == 304
    look(client, experiment_id)
    assert client.get(address, headers=tag).status_code == 200


def test_the_entry_is_written_before_the_answer_is_computed(
    client: TestClient, train: Train, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = train()
    seen = []

    def watched(*arguments: Any, **more: Any) -> Any:
        with database.read() as connection:
            seen.append(connection.scalar(select(func.count()).select_from(LedgerEntry)))
        raise MemoryError

    monkeypatch.setattr("service.experiments.test_evaluation.answer_look", watched)
    look(client, experiment_id, 503)
    assert seen == [1]
    assert re.fullmatch(r"[0-9a-f]{64}", read_ledger(client, experiment_id)["test_set"])


def test_the_first_answer_stays(database: Database) -> None:
    new_entry = ledger.NewEntry("t", bytes(16), "w", False, 1, "s", "d", "held_back", 2, ["a"], 0.5, "o")
    with database.write() as connection:
        entry, is_new = ledger.open_test_set(connection, new_entry, ledger.Limits(budget=1))
        ledger.close(connection, entry.id, {"accuracy": 0.5}, b"one")
        ledger.close(connection, entry.id, {"accuracy": 0.9}, b"two")
        (stored,) = ledger.entries(connection, "t")
    assert is_new
    assert (stored.answer, stored.losses) == ({"accuracy": 0.5}, b"one")
