"""Epochs over HTTP: metrics, figures per class, confusion matrices, and reading on from where one stopped."""

import itertools
import random
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.fake_worker import FakeWorker

TRAIN, VALIDATION = [[600, 30], [20, 50]], [[170, 10], [5, 15]]
LATER = [[175, 5], [8, 12]]

Items = list[dict[str, Any]]


def items(client: TestClient, path: str, **query: Any) -> Items:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    answer: Items = response.json()["items"]
    return answer


def keys(rows: Items) -> list[tuple[int, int, str]]:
    return [(row["epoch"], row["seed"], row["split"]) for row in rows]


@pytest.fixture
def experiment(fake_worker: FakeWorker) -> int:
    """Two seeds: 7 has done two epochs, of which it selected the first; 3 has done one."""
    experiment_id = fake_worker.submit(seeds=[7, 3])
    for _ in range(2):
        fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, VALIDATION, train=TRAIN, seed=7)
    fake_worker.epoch(experiment_id, 2, LATER, train=TRAIN, seed=7, best_epoch=1)
    fake_worker.epoch(experiment_id, 1, VALIDATION, train=TRAIN, seed=3)
    return experiment_id


def test_metrics_are_flat_rows_by_epoch_seed_and_split(client: TestClient, experiment: int) -> None:
    rows = items(client, f"/experiments/{experiment}/metrics")
    assert keys(rows) == [
        (1, 3, "train"),
        (1, 3, "validation"),
        (1, 7, "train"),
        (1, 7, "validation"),
        (2, 7, "train"),
        (2, 7, "validation"),
    ]
    assert not any(isinstance(value, dict | list) for row in rows for value in row.values())
    train, validation = rows[0], rows[1]
    assert (train["rows"], validation["rows"]) == (700, 200)
    assert validation["accuracy"] == 185 / 200
    assert validation["balanced_accuracy"] == pytest.approx((170 / 180 + 15 / 20) / 2)
    assert validation["majority_accuracy"] == 0.9
    assert validation["accuracy_low"] < 0.925 < validation["accuracy_high"]
    assert (train["learning_rate"], train["gradient_norm"], train["seconds"]) == (0.001, 0.5, 2.0)
    assert (validation["learning_rate"], validation["gradient_norm"], validation["seconds"]) == (None,) * 3
    assert validation["recorded_at"].endswith("Z")


def test_an_interval_is_wilsons(client: TestClient, experiment: int) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason="the oracle of the interval")
    row = items(client, f"/experiments/{experiment}/metrics", split="validation")[0]
    low, high = proportion.proportion_confint(185, 200, method="wilson")
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx((low, high))
    rare = items(client, f"/experiments/{experiment}/classes", split="validation", seed=3)[1]
    low, high = proportion.proportion_confint(15, 20, method="wilson")
    assert (rare["accuracy_low"], rare["accuracy_high"]) == pytest.approx((low, high))


def test_metrics_are_chosen(client: TestClient, experiment: int) -> None:
    chosen: list[tuple[dict[str, Any], list[tuple[int, int, str]]]] = [
        ({"split": "train", "seed": 3}, [(1, 3, "train")]),
        ({"after_epoch": 1}, [(2, 7, "train"), (2, 7, "validation")]),
        ({"after_epoch": 2}, []),
        ({"seed": 99}, []),
        ({"limit": 3}, [(1, 3, "train"), (1, 3, "validation"), (1, 7, "train")]),
    ]
    for query, expected in chosen:
        assert keys(items(client, f"/experiments/{experiment}/metrics", **query)) == expected, query


@pytest.mark.parametrize("resource", ["metrics", "classes", "confusion"])
def test_the_test_part_is_said_to_be_sealed(client: TestClient, experiment: int, resource: str) -> None:
    answers = [client.get(f"/experiments/{experiment}/{resource}?split=test")]
    answers += [client.get(f"/epochs?ids={experiment}&split=test")] if resource == "metrics" else []
    for answer in answers:
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error["path"] == "split"
        assert "the test part is sealed" in error["message"]
        assert "/test-evaluations" in error["message"]


def test_figures_per_class_are_of_the_selected_epoch_of_each_seed(
    client: TestClient, experiment: int
) -> None:
    rows = items(client, f"/experiments/{experiment}/classes", split="validation")
    assert [(row["class"], *key) for row, key in zip(rows, keys(rows), strict=True)] == [
        ("0", 1, 3, "validation"),
        ("1", 1, 3, "validation"),
        ("0", 1, 7, "validation"),
        ("1", 1, 7, "validation"),
    ]
    rare = {key: rows[1][key] for key in ("index", "accuracy", "precision", "f1", "support")}
    assert rare == {
        "index": 1,
        "accuracy": 15 / 20,
        "precision": 15 / 25,
        "f1": pytest.approx(2 / 3),
        "support": 20,
    }


def test_the_epoch_is_chosen(client: TestClient, experiment: int) -> None:
    chosen: list[tuple[dict[str, Any], list[tuple[int, int]]]] = [
        ({"epoch": "best"}, [(1, 3), (1, 7)]),
        ({"epoch": "last"}, [(1, 3), (2, 7)]),
        ({"epoch": 2}, [(2, 7)]),
        ({"epoch": 3}, []),
        ({"epoch": "last", "seed": 7}, [(2, 7)]),
        ({"series": True}, [(1, 3), (1, 7), (2, 7)]),
        ({"series": True, "after_epoch": 1}, [(2, 7)]),
    ]
    for query, expected in chosen:
        rows = items(client, f"/experiments/{experiment}/classes", split="validation", **query)
        assert [(epoch, seed) for epoch, seed, _ in keys(rows)[::2]] == expected, query
        if "series" not in query:
            matrices = items(client, f"/experiments/{experiment}/confusion", split="validation", **query)
            assert [(epoch, seed) for epoch, seed, _ in keys(matrices)] == expected, query


def test_confusion_matrices_have_true_classes_as_rows(client: TestClient, experiment: int) -> None:
    answer = client.get(f"/experiments/{experiment}/confusion", params={"epoch": "last"}).json()
    assert answer["classes"] == ["0", "1"]
    assert {(item["seed"], item["split"]): item["matrix"] for item in answer["items"]} == {
        (3, "train"): TRAIN,
        (3, "validation"): VALIDATION,
        (7, "train"): TRAIN,
        (7, "validation"): LATER,
    }


def test_the_training_part_says_how_many_examples_of_each_class_were_drawn(
    client: TestClient, experiment: int
) -> None:
    rows = items(client, f"/experiments/{experiment}/classes", epoch="last", seed=7)
    assert [(row["split"], row["class"], row["drawn"]) for row in rows] == [
        ("train", "0", 2 * sum(TRAIN[0])),
        ("train", "1", 2 * sum(TRAIN[1])),
        ("validation", "0", None),
        ("validation", "1", None),
    ]


def test_before_the_first_epoch_there_is_nothing_to_read(client: TestClient, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit()
    for name in ("metrics", "classes", "confusion"):
        assert items(client, f"/experiments/{experiment_id}/{name}") == []


def test_a_class_that_validation_lacks_has_no_accuracy(client: TestClient, fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.epoch(experiment_id, 1, [[180, 0], [0, 0]], train=TRAIN)
    absent = items(client, f"/experiments/{experiment_id}/classes", split="validation")[1]
    expected = {"accuracy": None, "accuracy_low": None, "accuracy_high": None, "precision": None, "f1": None}
    assert {key: absent[key] for key in expected} == expected
    assert absent["support"] == 0


def read_on(client: TestClient, link: str | None, *, at_most: int = 100) -> tuple[Items, str | None]:
    """Every row until nothing more is there, and the link to come back to."""
    rows: Items = []
    for _ in range(at_most):
        assert link is not None
        page = client.get(link).json()
        rows += page["items"]
        link = page["next"]
        if link is None or not page["items"]:
            return rows, link
    raise AssertionError("the pages do not end")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_a_reader_of_seeds_that_advance_unevenly_gets_every_row_once(
    client: TestClient, fake_worker: FakeWorker, limit: int
) -> None:
    seeds, epochs = [0, 1, 2], 6
    experiment_id = fake_worker.submit(seeds=seeds, training={"epochs": epochs})
    for _ in seeds:
        fake_worker.claim()
    order = [seed for seed in seeds for _ in range(epochs)]
    random.Random(limit).shuffle(order)
    done = dict.fromkeys(seeds, 0)
    read: Items = []
    link: str | None = f"/experiments/{experiment_id}/metrics?limit={limit}"
    for seed in order:
        done[seed] += 1
        fake_worker.epoch(experiment_id, done[seed], VALIDATION, seed=seed)
        rows, link = read_on(client, link)
        read += rows
    for seed in seeds:
        fake_worker.finish(experiment_id, "succeeded", seed=seed)
    rows, link = read_on(client, link)
    assert (rows, link) == ([], None)
    expected = itertools.product(range(1, epochs + 1), seeds, ("train", "validation"))
    assert sorted(keys(read)) == sorted(expected)


def test_a_page_that_is_not_full_leads_on_while_the_experiment_runs(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    experiment_id = fake_worker.submit()
    path = f"/experiments/{experiment_id}/metrics?split=validation"
    assert client.get(path).json() == {"items": [], "next": path}
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, VALIDATION)
    following = client.get(path).json()["next"]
    assert client.get(following).json() == {"items": [], "next": following}
    fake_worker.finish(experiment_id, "failed", cause="diverged")
    assert client.get(following).json() == {"items": [], "next": None}


def test_a_series_of_classes_is_paged_by_whole_epochs(client: TestClient, experiment: int) -> None:
    link: str | None = f"/experiments/{experiment}/classes?series=true&limit=2"
    pages = []
    while link:
        page = client.get(link).json()
        pages.append(len(page["items"]))
        link = page["next"]
    assert pages == [4, 4, 4]
