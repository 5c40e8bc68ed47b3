"""The promises of the service to its users, tested over HTTP."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import ServiceClient, running

QUICK = {"epochs": 3}
STORED = ("epoch", "split", "loss", "accuracy", "balanced_accuracy", "mcc", "nll", "ece", "gradient_norm")


def metrics(service: ServiceClient, experiment: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get(f"/experiments/{experiment}/metrics", limit=1000)["items"]
    return items


def test_an_empty_spec_trains_and_its_classes_can_be_read(service: ServiceClient) -> None:
    ended = service.finished(service.submit())
    classes = service.get(f"/experiments/{ended['id']}/classes", split="validation")["items"]
    assert [each["class"] for each in classes] == [str(digit) for digit in range(10)]
    assert min(each["accuracy"] for each in classes) > 0.8
    assert all(each["accuracy_low"] < each["accuracy"] <= each["accuracy_high"] for each in classes)
    assert ended["summary"]["metrics"]["accuracy"]["mean"] > 0.95


def test_a_constant_classifier_is_recognised(service: ServiceClient) -> None:
    """The notebook's lesson: an accuracy of 0.9 on labels of 90:10 is worthless, and the summary says so."""
    ended = service.finished(
        service.submit(
            dataset={"name": "synthetic", "counts": [900, 100], "separation": 0.0},
            loss={"name": "l1", "output": "linear"},
            optimizer={"name": "adam", "learning_rate": 0.01},
            training={"epochs": 40, "early_stopping": {"metric": "loss", "patience": 40}},
        )
    )
    summary = ended["summary"]
    assert summary["metrics"]["accuracy"]["mean"] == pytest.approx(0.9)
    assert summary["metrics"]["balanced_accuracy"]["mean"] == pytest.approx(0.5)
    majority = next(each for each in summary["baselines"] if each["name"] == "majority")
    assert (majority["accuracy"], majority["balanced_accuracy"]) == (pytest.approx(0.9), pytest.approx(0.5))
    findings = {finding["code"]: finding["sentence"] for finding in summary["findings"]}
    assert "0.9" in findings["no_better_than_majority"]
    assert "collapsed" in findings
    assert "l1_collapses" in {warning["code"] for warning in ended["warnings"]}


def test_seeds_trained_together_give_the_metrics_of_each_alone(service: ServiceClient) -> None:
    spec: dict[str, Any] = {"model": {"dropout": 0.2, "batch_norm": True}, "balancing": "oversample"}
    spec |= {"dataset": {"name": "digits", "imbalance": {"kind": "step", "ratio": 10}}, "training": QUICK}
    together = service.submit(**spec, seeds=[0, 1, 2])
    alone = {seed: service.submit(**spec, seeds=[seed]) for seed in (0, 1, 2)}
    service.finished(together)
    for seed, experiment in alone.items():
        service.finished(experiment)
        together_rows = [item for item in metrics(service, together) if item["seed"] == seed]
        alone_rows = metrics(service, experiment)
        assert [[item[name] for name in STORED] for item in together_rows] == [
            [item[name] for name in STORED] for item in alone_rows
        ]


def test_large_weights_with_a_large_learning_rate_are_warned_of_and_diverge(service: ServiceClient) -> None:
    experiment = service.submit(
        dataset={"name": "synthetic", "counts": [4000, 40], "separation": 1.0},
        class_weights={"name": "given", "weights": [1, 100000]},
        loss="l2",
        optimizer={"name": "sgd", "learning_rate": 10.0},
        training=QUICK,
    )
    ended = service.until(experiment, lambda state: state["finished_at"] is not None)
    assert "large_weights_large_step" in {warning["code"] for warning in ended["warnings"]}
    assert ended["status"] == "failed"
    assert ended["runs"][0]["cause"] == "diverged"
    assert "learning rate" in ended["runs"][0]["message"]


def test_twenty_experiments_from_ten_clients_finish_in_the_order_of_priority(tmp_path: Path) -> None:
    """One worker trains them one after another, so they finish in the order in which they were claimed.

    Ends that are stored together have the same time.
    """
    with running(tmp_path, workers=1) as service:
        blocker = service.submit(training={"epochs": 400}, priority=1000)
        service.until(blocker, lambda state: state["status"] == "running")
        priorities = [n % 5 for n in range(20)]
        with ThreadPoolExecutor(10) as clients:
            submitted = list(
                clients.map(lambda p: (service.submit(priority=p, training=QUICK), p), priorities)
            )
        assert service.http.post(f"/experiments/{blocker}/cancel").status_code == 202
        finished = [(service.finished(experiment)["finished_at"], p) for experiment, p in submitted]
    finished.sort(key=lambda each: (each[0], -each[1]))
    assert [p for _, p in finished] == sorted(priorities, reverse=True)


def test_a_cancelled_experiment_keeps_what_it_has(service: ServiceClient) -> None:
    experiment = service.submit(training={"epochs": 100_000})
    service.until(experiment, lambda state: state["progress"]["epoch"] > 2)
    assert service.http.post(f"/experiments/{experiment}/cancel").status_code == 202
    ended = service.until(experiment, lambda state: state["finished_at"] is not None)
    assert ended["status"] == "cancelled"
    stored = Counter(item["split"] for item in metrics(service, experiment))
    assert stored["train"] == stored["validation"] == ended["progress"]["epoch"]


def test_a_convolutional_net_learns_digits(service: ServiceClient) -> None:
    experiment = service.submit(
        model={"name": "convnet", "filters": [8, 16]},
        optimizer={"name": "adam", "learning_rate": 0.005},
        training={"epochs": 12},
    )
    assert service.finished(experiment)["summary"]["metrics"]["accuracy"]["mean"] > 0.95
