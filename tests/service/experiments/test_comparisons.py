"""Comparisons: paired over common seeds, corrected, and refused if experiments are not comparable."""

from collections.abc import Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scipy.stats import ttest_rel

from tests.service.fake_worker import FakeWorker, Matrix

OUTLIER = {"dataset": {"name": "synthetic", "counts": [900, 100], "features": 3}}
Scores = dict[int, int]
"""By seed: how many of the 20 rows of the small validation class are recognised."""


def confusion(recognised: int) -> Matrix:
    return [[180, 0], [20 - recognised, recognised]]


def trained(fake_worker: FakeWorker, scores: Scores, **spec: Any) -> int:
    """An experiment that has succeeded with these scores."""
    id_ = fake_worker.submit(seeds=list(scores), training={"epochs": 2}, **spec)
    for _ in scores:
        fake_worker.claim()
    for seed, recognised in scores.items():
        fake_worker.epoch(id_, 1, confusion(recognised), seed=seed)
        fake_worker.epoch(id_, 2, confusion(0), seed=seed, best_epoch=1)
        fake_worker.finish(id_, "succeeded", seed=seed)
    return id_


def compare(client: TestClient, *ids: int, **query: Any) -> dict[str, Any]:
    response = client.get("/comparisons", params={"ids": ",".join(map(str, ids)), **query})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def balanced(scores: Sequence[int]) -> list[float]:
    return [(1 + recognised / 20) / 2 for recognised in scores]


def test_a_difference_is_between_the_same_seeds_at_their_selected_epochs(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a = trained(fake_worker, {0: 15, 1: 16, 2: 14, 3: 17}, loss="focal")
    b = trained(fake_worker, {3: 12, 2: 10, 7: 20, 1: 10, 0: 11})
    answer = compare(client, a, b)
    assert (answer["metric"], answer["direction"]) == ("balanced_accuracy", "max")
    (item,) = answer["items"]
    oracle = ttest_rel(balanced([15, 16, 14, 17]), balanced([11, 10, 10, 12]))
    interval = oracle.confidence_interval()
    expected = {
        "p_value": oracle.pvalue,
        "p_value_corrected": oracle.pvalue,
        "low": interval.low,
        "high": interval.high,
        "difference": sum(balanced([15, 16, 14, 17])) / 4 - sum(balanced([11, 10, 10, 12])) / 4,
    }
    assert {name: item[name] for name in expected} == pytest.approx(expected)
    assert (item["a"], item["b"], item["seeds"], item["better"]) == (a, b, [0, 1, 2, 3], a)
    assert item["finding"]["code"] == "difference_shown"
    assert f"experiment {a} is higher than that of experiment {b}: +0.119 [" in item["finding"]["sentence"]


def test_the_p_values_are_corrected_for_all_pairs_or_for_those_with_the_reference(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    scores = ([10, 11, 12, 10], [12, 14, 14, 13], [12, 12, 15, 11])
    ids = [trained(fake_worker, dict(enumerate(each))) for each in scores]
    pairs = compare(client, *ids)["items"]
    assert [(each["a"], each["b"]) for each in pairs] == [
        (ids[0], ids[1]),
        (ids[0], ids[2]),
        (ids[1], ids[2]),
    ]
    smallest = min(pairs, key=lambda each: float(each["p_value"]))
    assert smallest["p_value_corrected"] == pytest.approx(3 * smallest["p_value"])
    against = compare(client, *ids, reference=ids[0])["items"]
    assert [(each["a"], each["b"]) for each in against] == [(ids[1], ids[0]), (ids[2], ids[0])]
    smallest = min(against, key=lambda each: float(each["p_value"]))
    assert smallest["p_value_corrected"] == pytest.approx(2 * smallest["p_value"])


def test_a_difference_that_the_correction_removes_is_not_reported_as_none(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    scores = ([10, 11, 12], [12, 14, 14], [10, 14, 11])
    a, b, c = (trained(fake_worker, dict(enumerate(each)), name=f"no {i}") for i, each in enumerate(scores))
    alone = compare(client, a, b)["items"][0]
    assert alone["finding"]["code"] == "difference_shown"
    assert (
        f"experiment {a} ('no 0') is lower than that of experiment {b} ('no 1')"
        in alone["finding"]["sentence"]
    )
    assert "corrected" not in alone["finding"]["sentence"]
    item = compare(client, a, b, c)["items"][0]
    assert item["p_value"] < 0.05 < item["p_value_corrected"]
    assert item["high"] < 0
    assert (item["better"], item["finding"]["code"]) == (None, "no_difference_shown")
    assert item["finding"]["sentence"] == (
        f"The difference in balanced_accuracy between experiments {a} ('no 0') and {b} ('no 1') does not hold after "
        "correction for 3 comparisons: -0.0583 [-0.0942, -0.0225] over 3 seeds, p = 0.02, corrected p = 0.059."
    )


def test_no_difference_in_any_seed_is_reported_as_such(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = trained(fake_worker, {0: 15, 1: 12}), trained(fake_worker, {0: 16, 1: 11})
    (item,) = compare(client, a, b)["items"]
    assert item["low"] < 0 < item["high"]
    shown = f"The seeds show no difference in balanced_accuracy between experiments {a} and {b}: +0 ["
    assert item["finding"]["sentence"].startswith(shown)


def test_the_smaller_value_of_a_minimised_metric_is_better(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    good = trained(fake_worker, {0: 15, 1: 16, 2: 14, 3: 17})
    bad = trained(fake_worker, {0: 11, 1: 11, 2: 10, 3: 12})
    answer = compare(client, bad, good, metric="loss")
    assert answer["direction"] == "min"
    assert answer["items"][0]["difference"] > 0
    assert answer["items"][0]["better"] == good
    assert [each["code"] for each in answer["remarks"]] == ["same_rows", *["selected_by_another_metric"] * 2]


@pytest.mark.parametrize(
    ("other", "metric", "code", "says"),
    [
        (OUTLIER, "accuracy", "different_data", '"dataset" as in experiment'),
        ({"split": {"seed": 1}}, "accuracy", "different_split", '"split" as in experiment'),
        (
            {"dataset": OUTLIER["dataset"] | {"features": 2, "imbalance": {"ratio": 2, "parts": "all"}}},
            "accuracy",
            "different_split",
            "imbalance in the training part only",
        ),
        ({"loss": "focal"}, "loss", "different_losses", "nll"),
    ],
)
def test_experiments_that_are_not_comparable_are_not_compared(
    client: TestClient, fake_worker: FakeWorker, other: dict[str, Any], metric: str, code: str, says: str
) -> None:
    a, b = trained(fake_worker, {0: 15, 1: 16}), trained(fake_worker, {0: 11, 1: 10}, **other)
    (item,) = compare(client, a, b, metric=metric)["items"]
    figures = (
        "mean_a",
        "mean_b",
        "difference",
        "sd",
        "low",
        "high",
        "p_value",
        "p_value_corrected",
        "better",
    )
    assert (item["comparable"], {item[name] for name in figures}) == (False, {None})
    assert item["finding"]["code"] == code
    assert says in item["finding"]["remedy"]


def test_thinning_the_training_part_leaves_the_validation_rows_the_same(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    dataset = {"name": "synthetic", "counts": [900, 100], "features": 2, "imbalance": {"ratio": 5}}
    a, b = trained(fake_worker, {0: 15, 1: 16}), trained(fake_worker, {0: 11, 1: 10}, dataset=dataset)
    assert compare(client, a, b)["items"][0]["comparable"]


def test_unfinished_seeds_and_seeds_of_one_experiment_alone_are_reported(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    done = trained(fake_worker, {0: 15, 1: 16})
    alone = trained(fake_worker, {5: 11, 0: 11})
    other = trained(fake_worker, {8: 11, 9: 11})
    running = fake_worker.submit(seeds=[0, 1])
    fake_worker.claim()
    fake_worker.epoch(running, 1, confusion(9))
    items = compare(client, done, alone, other, running, reference=done)["items"]
    findings = [each["finding"] for each in items]
    assert [each["code"] for each in findings] == [
        "single_shared_seed",
        "no_shared_seeds",
        "no_shared_seeds",
    ]
    assert '"seeds": [0, 1, 2, 3, 4]' in findings[0]["remedy"]
    assert findings[2]["remedy"] == f"Wait until experiment {running} ended."
    assert compare(client, done, running)["remarks"] == []


def test_failed_seeds_are_left_out_and_reported(client: TestClient, fake_worker: FakeWorker) -> None:
    a = trained(fake_worker, {0: 15, 1: 16, 2: 13})
    b = fake_worker.submit(seeds=[0, 1, 2])
    for _ in range(3):
        fake_worker.claim()
    for seed in (0, 1, 2):
        fake_worker.epoch(b, 1, confusion(10 + seed), seed=seed)
        status, cause = ("failed", "diverged") if seed == 2 else ("succeeded", None)
        fake_worker.finish(b, status, seed=seed, cause=cause)  # type: ignore[arg-type]
    answer = compare(client, a, b)
    assert answer["items"][0]["seeds"] == [0, 1]
    (left_out,) = [each for each in answer["remarks"] if each["code"] == "seeds_left_out"]
    assert left_out["sentence"].startswith(f"1 of the 3 seeds of experiment {b} ")


@pytest.mark.parametrize(
    ("scores", "code"), [({0: 15, 1: 12}, "identical"), ({0: 17, 1: 14}, "no_spread"), ({0: 16, 1: 11}, None)]
)
def test_without_spread_there_is_no_p_value_and_nothing_is_claimed(
    client: TestClient, fake_worker: FakeWorker, scores: Scores, code: str | None
) -> None:
    (item,) = compare(client, trained(fake_worker, {0: 15, 1: 12}), trained(fake_worker, scores))["items"]
    assert item["better"] is None
    assert (item["p_value"] is None) == (code is not None)
    assert item["finding"]["code"] == (code or "no_difference_shown")


def test_a_metric_that_one_does_not_have_is_not_compared(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = trained(fake_worker, {0: 15, 1: 16}), fake_worker.submit(seeds=[0, 1])
    for seed in (0, 1):
        fake_worker.claim()
        fake_worker.epoch(b, 1, confusion(9), seed=seed, distribution=False)
        fake_worker.finish(b, "succeeded", seed=seed)
    finding = compare(client, a, b, metric="nll")["items"][0]["finding"]
    assert finding["code"] == "undefined_metric"
    assert f"Experiment {b} has no nll" in finding["sentence"]


def test_a_comparison_is_not_sent_again_until_something_changes(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a, b = trained(fake_worker, {0: 15, 1: 16}), fake_worker.submit(seeds=[0, 1])
    path = f"/comparisons?ids={a},{b}"
    tag = {"If-None-Match": client.get(path).headers["etag"]}
    assert client.get(path, headers=tag).status_code == 304
    fake_worker.claim()
    assert client.get(path, headers=tag).status_code == 200


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "ids"),
        ("ids=1", "ids"),
        ("ids=1,1", "ids"),
        ("ids=1,", "ids"),
        ("ids=1,x", "ids"),
        ("ids=0,1", "ids"),
        ("ids=" + ",".join(map(str, range(1, 22))), "ids"),
        ("ids=1,2&reference=3", "reference"),
        ("ids=1,2&metric=speed", "metric"),
    ],
)
def test_the_query_is_validated(client: TestClient, query: str, path: str) -> None:
    response = client.get(f"/comparisons?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == path


def test_an_unknown_experiment_is_404(client: TestClient, fake_worker: FakeWorker) -> None:
    response = client.get(f"/comparisons?ids={fake_worker.submit()},987654321")
    assert response.json()["type"] == "/problems/unknown-experiment"
