"""What the service promises its users, asked for as they would: by HTTP."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Experiments, running

QUICK = {"epochs": 3}
STORED = ("epoch", "split", "loss", "accuracy", "balanced_accuracy", "mcc", "nll", "ece", "gradient_norm")


def metrics(service: Experiments, experiment: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get(f"/experiments/{experiment}/metrics", limit=1000)["items"]
    return items


def test_an_empty_spec_trains_and_its_classes_can_be_read(service: Experiments) -> None:
    over = service.finished(service.submit())
    classes = service.get(f"/experiments/{over['id']}/classes", split="validation")["items"]
    assert [each["class"] for each in classes] == [str(digit) for digit in range(10)]
    assert min(each["accuracy"] for each in classes) > 0.8
    assert all(each["accuracy_low"] < each["accuracy"] <= each["accuracy_high"] for each in classes)
    assert over["summary"]["metrics"]["accuracy"]["mean"] > 0.95


def test_a_constant_classifier_is_seen_through(service: Experiments) -> None:
    """The notebook's lesson: 0.9 on labels of 90:10 is worth nothing, and the answer says so."""
    over = service.finished(
        service.submit(
            dataset={"name": "synthetic", "counts": [900, 100], "separation": 0.0},
            loss={"name": "l1", "output": "linear"},
            optimizer={"name": "adam", "learning_rate": 0.01},
            training={"epochs": 40, "early_stopping": {"metric": "loss", "patience": 40}},
        )
    )
    summary = over["summary"]
    assert summary["metrics"]["accuracy"]["mean"] == pytest.approx(0.9)
    assert summary["metrics"]["balanced_accuracy"]["mean"] == pytest.approx(0.5)
    majority = next(each for each in summary["baselines"] if each["name"] == "majority")
    assert (majority["accuracy"], majority["balanced_accuracy"]) == (pytest.approx(0.9), pytest.approx(0.5))
    findings = {finding["code"]: finding["sentence"] for finding in summary["findings"]}
    assert "0.9" in findings["no_better_than_majority"]
    assert "collapsed" in findings
    assert "l1_collapses" in {warning["code"] for warning in over["warnings"]}


def test_seeds_in_company_give_the_numbers_of_each_alone(service: Experiments) -> None:
    spec: dict[str, Any] = {"model": {"dropout": 0.2, "batch_norm": True}, "balancing": "oversample"}
    spec |= {"dataset": {"name": "digits", "imbalance": {"kind": "step", "ratio": 10}}, "training": QUICK}
    together = service.submit(**spec, seeds=[0, 1, 2])
    alone = {seed: service.submit(**spec, seeds=[seed]) for seed in (0, 1, 2)}
    service.finished(together)
    for seed, experiment in alone.items():
        service.finished(experiment)
        in_company = [item for item in metrics(service, together) if item["seed"] == seed]
        by_itself = metrics(service, experiment)
        assert [[item[name] for name in STORED] for item in in_company] == [
            [item[name] for name in STORED] for item in by_itself
        ]


def test_large_weights_with_a_large_step_end_as_diverged_or_warned_of(service: Experiments) -> None:
    experiment = service.submit(
        dataset={"name": "synthetic", "counts": [4000, 40], "separation": 1.0},
        class_weights={"name": "given", "weights": [1, 100000]},
        loss="l2",
        optimizer={"name": "sgd", "learning_rate": 10.0},
        training=QUICK,
    )
    over = service.until(experiment, lambda answer: answer["finished_at"] is not None)
    assert "large_weights_large_step" in {warning["code"] for warning in over["warnings"]}
    assert over["status"] == "failed"
    assert over["runs"][0]["cause"] == "diverged"
    assert "learning rate" in over["runs"][0]["message"]


def test_twenty_experiments_from_ten_clients_finish_in_the_order_of_priority(tmp_path: Path) -> None:
    """One worker takes them one by one, so the order in which they finish is that in which they were taken."""
    with running(tmp_path, workers=1) as service:
        blocker = service.submit(training={"epochs": 400}, priority=1000)
        service.until(blocker, lambda answer: answer["status"] == "running")
        priorities = [n % 5 for n in range(20)]
        with ThreadPoolExecutor(10) as clients:
            submitted = list(
                clients.map(lambda p: (service.submit(priority=p, training=QUICK), p), priorities)
            )
        assert service.http.post(f"/experiments/{blocker}/cancel").status_code == 202
        finished = [(service.finished(experiment)["finished_at"], p) for experiment, p in submitted]
    assert [p for _, p in sorted(finished)] == sorted(priorities, reverse=True)


def test_a_cancelled_experiment_keeps_what_it_has(service: Experiments) -> None:
    experiment = service.submit(training={"epochs": 100_000})
    service.until(experiment, lambda answer: answer["progress"]["epoch"] > 2)
    assert service.http.post(f"/experiments/{experiment}/cancel").status_code == 202
    over = service.until(experiment, lambda answer: answer["finished_at"] is not None)
    assert over["status"] == "cancelled"
    stored = Counter(item["split"] for item in metrics(service, experiment))
    assert stored["train"] == stored["validation"] == over["progress"]["epoch"]


def test_a_convolutional_net_learns_digits(service: Experiments) -> None:
    experiment = service.submit(
        model={"name": "convnet", "filters": [8, 16]},
        optimizer={"name": "adam", "learning_rate": 0.005},
        training={"epochs": 12},
    )
    assert service.finished(experiment)["summary"]["metrics"]["accuracy"]["mean"] > 0.95
