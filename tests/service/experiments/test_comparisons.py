"""Comparisons: which experiments are comparable, what is reported beside them, and when they are computed."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.experiments import row_differences
from service.experiments.computing import COMPUTING
from tests.service.experiments.compared import compare, confusion, trained
from tests.service.fake_worker import FakeWorker
from tests.workers.computing.functions import kill_itself

OUTLIER = {"dataset": {"name": "synthetic", "counts": [900, 100], "features": 3}}
FIGURES = ("mean_a", "mean_b", "difference", "sd", "level", "low", "high", "p_value", "p_value_corrected")


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize(
    ("other", "metric", "code", "says"),
    [
        (OUTLIER, "accuracy", "different_data", '"dataset" as in experiment'),
        ({"loss": "focal"}, "loss", "different_losses", "nll"),
        (
            {"dataset": OUTLIER["dataset"] | {"features": 2, "imbalance": {"ratio": 2, "parts": "all"}}},
            "accuracy",
            "different_split",
            "imbalance in the training part only",
        ),
    ],
)
def test_experiments_that_are_not_comparable_are_not_compared(
    client: TestClient,
    fake_worker: FakeWorker,
    other: dict[str, Any],
    metric: str,
    code: str,
    says: str,
    rows: bool,
) -> None:
    a = trained(fake_worker, {0: 15, 1: 16}, rows=rows)
    b = trained(fake_worker, {0: 11, 1: 10}, rows=rows and code != "different_split", **other)
    (item,) = compare(client, a, b, metric=metric)["items"]
    assert (item["comparable"], {item[name] for name in (*FIGURES, "better")}) == (False, {None})
    assert item["finding"]["code"] == code
    assert says in item["finding"]["remedy"]


def test_rows_decide_whether_the_rows_are_the_same_and_the_split_does_where_none_are_kept(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a = trained(fake_worker, {0: 15, 1: 16})
    same_rows = trained(fake_worker, {0: 15, 1: 16}, split={"seed": 1})
    (item,) = compare(client, a, same_rows)["items"]
    assert item["claim"] == "new_rows"
    unknown = trained(fake_worker, {0: 15, 1: 16}, split={"seed": 1}, rows=False)
    (item,) = compare(client, a, unknown)["items"]
    assert item["finding"]["code"] == "different_split"
    other_rows = fake_worker.submit(seeds=[0])
    fake_worker.claim()
    fake_worker.epoch(other_rows, 1, confusion(3))
    fake_worker.save_rows(other_rows, [[170, 10], [4, 16]])
    fake_worker.finish(other_rows, "succeeded")
    assert compare(client, a, other_rows)["items"][0]["claim"] == "new_rows"
    fewer = fake_worker.submit(seeds=[0])
    fake_worker.claim()
    fake_worker.epoch(fewer, 1, confusion(3))
    fake_worker.save_rows(fewer, [[170, 9], [4, 16]])
    fake_worker.finish(fewer, "succeeded")
    assert compare(client, a, fewer)["items"][0]["finding"]["code"] == "different_split"


def test_a_pair_is_computed_once_for_all_requests(
    client: TestClient, fake_worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [trained(fake_worker, {0: 15 - i, 1: 12 - i}) for i in range(3)]
    first = compare(client, *ids)
    computed = []

    def counted(function: Any, experiments: Any, *args: Any, **options: Any) -> Any:
        computed.append(len(experiments))
        return function(experiments, *args, **options)

    monkeypatch.setattr(COMPUTING, "call", counted)
    assert compare(client, *ids) == first
    pair = compare(client, *ids[:2])["items"][0]
    assert computed == []
    assert pair["p_value"] == first["items"][0]["p_value"]
    swapped = compare(client, ids[1], ids[0])["items"][0]
    assert swapped["low"] == pytest.approx(-pair["high"], abs=0.02)
    assert computed == [2]
    compare(client, *ids, trained(fake_worker, {0: 3, 1: 2}))
    assert computed == [2, 4]


def test_a_killed_computation_is_refused_as_too_large_and_the_next_one_succeeds(
    client: TestClient, fake_worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [trained(fake_worker, {0: 14 - i, 1: 12 - i}) for i in range(2)]
    monkeypatch.setattr(row_differences, "resample", kill_itself)
    refused = client.get("/comparisons", params={"ids": ",".join(map(str, ids))})
    assert refused.status_code == 503
    assert refused.json()["type"].endswith("out-of-memory")
    monkeypatch.undo()
    assert compare(client, *ids)["items"][0]["low"] is not None


def test_thinning_the_training_part_leaves_the_validation_rows_the_same(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    dataset = {"name": "synthetic", "counts": [900, 100], "features": 2, "imbalance": {"ratio": 5}}
    a = trained(fake_worker, {0: 15, 1: 16}, rows=False)
    b = trained(fake_worker, {0: 11, 1: 10}, rows=False, dataset=dataset)
    assert compare(client, a, b)["items"][0]["comparable"]


def test_unfinished_seeds_and_seeds_of_one_experiment_alone_are_reported(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    done = trained(fake_worker, {0: 15, 1: 16})
    other = trained(fake_worker, {8: 11, 9: 11})
    running = fake_worker.submit(seeds=[0, 1])
    fake_worker.claim()
    fake_worker.epoch(running, 1, confusion(9))
    items = compare(client, done, other, running, reference=done)["items"]
    findings = [each["finding"] for each in items]
    assert [each["code"] for each in findings] == ["no_shared_seeds", "no_shared_seeds"]
    assert '"seeds": [0, 1, 2, 3, 4]' in findings[0]["remedy"]
    assert findings[1]["remedy"] == f"Wait until experiment {running} ended."
    assert compare(client, done, running)["remarks"] == []


def test_failed_seeds_are_left_out_and_reported(client: TestClient, fake_worker: FakeWorker) -> None:
    a = trained(fake_worker, {0: 15, 1: 16, 2: 13})
    b = fake_worker.submit(seeds=[0, 1, 2])
    for _ in range(3):
        fake_worker.claim()
    for seed in (0, 1, 2):
        fake_worker.epoch(b, 1, confusion(10 + seed), seed=seed)
        if seed < 2:
            fake_worker.save_rows(b, confusion(10 + seed), seed=seed)
        status, cause = ("failed", "diverged") if seed == 2 else ("succeeded", None)
        fake_worker.finish(b, status, seed=seed, cause=cause)  # type: ignore[arg-type]
    answer = compare(client, a, b)
    assert answer["items"][0]["seeds"] == [0, 1]
    (left_out,) = [each for each in answer["remarks"] if each["code"] == "seeds_left_out"]
    assert left_out["sentence"].startswith(f"1 of the 3 seeds of experiment {b} ")


def test_a_metric_that_one_does_not_have_is_not_compared(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = trained(fake_worker, {0: 15, 1: 16}), fake_worker.submit(seeds=[0, 1])
    for seed in (0, 1):
        fake_worker.claim()
        fake_worker.epoch(b, 1, confusion(9), seed=seed, distribution=False)
        fake_worker.finish(b, "succeeded", seed=seed)
    finding = compare(client, a, b, metric="nll")["items"][0]["finding"]
    assert finding["code"] == "undefined_metric"
    assert f"Experiment {b} has no NLL" in finding["sentence"]


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
