"""Comparisons over the same folds, by the corrected t."""

import math
from statistics import fmean

import pytest
from fastapi.testclient import TestClient
from scipy import stats

from tests.service.experiments.compared import compare, cross_validated, trained
from tests.service.fake_worker import FakeWorker
from workers.evaluation.metrics import SUMMARISED


def test_over_the_same_folds_training_is_compared_by_the_corrected_t(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a = cross_validated(fake_worker, [17, 16, 18, 17, 16], seeds=2, name="focal")
    b = cross_validated(fake_worker, [12, 9, 11, 12, 10], seeds=3, name="plain")
    answer = compare(client, a, b)
    (item,) = answer["items"]
    assert (answer["split"], item["claim"], item["folds"], item["seeds"]) == (
        "evaluation",
        "new_data",
        5,
        [0, 1],
    )
    differences = [recall / 40 for recall in (5, 7, 7, 5, 6)]
    error = math.sqrt((1 / 5 + 1 / 4) * stats.tvar(differences))
    low, high = stats.t(4, loc=fmean(differences), scale=error).interval(0.95)
    assert (item["low"], item["high"]) == pytest.approx((low, high))
    assert item["p_value"] == pytest.approx(2 * stats.t(4).sf(fmean(differences) / error), rel=1e-6)
    assert (item["better"], item["mcnemar"]) == (a, [])
    assert item["finding"]["sentence"] == (
        "Trained and measured on new data of this kind, 'focal' has a higher balanced accuracy than 'plain': "
        f"+0.150 [{low:+.3f}, {high:+.3f}] over 5 folds."
    )
    assert answer["remarks"] == [] or answer["remarks"][0]["code"] != "same_rows"


def test_folds_of_other_rows_are_not_compared_and_more_repeats_are_no_obstacle(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a = cross_validated(fake_worker, [17, 16, 18, 17, 16])
    longer = cross_validated(fake_worker, [12, 9, 11, 12, 10] * 2, split={"repeats": 2, "validation": 0.3})
    other = cross_validated(fake_worker, [12, 9, 11, 12, 10], split={"seed": 1})
    single = trained(fake_worker, {0: 15})
    shared, *refused = compare(client, longer, other, single, a, reference=a)["items"]
    assert (shared["comparable"], shared["folds"]) == (True, 5)
    assert [each["finding"]["code"] for each in refused] == ["different_split"] * 2
    assert (
        refused[1]["finding"]["sentence"]
        == f"Experiment {a} is a cross-validation and experiment {single} is not."
    )


def test_folds_that_all_differ_by_the_same_prove_nothing(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = (cross_validated(fake_worker, [each] * 5) for each in (17, 12))
    same = cross_validated(fake_worker, [17] * 5)
    first, second = compare(client, b, same, a, reference=a)["items"]
    assert [each["finding"]["code"] for each in (first, second)] == ["no_spread", "identical"]
    assert {each[name] for each in (first, second) for name in ("low", "level", "p_value", "better")} == {
        None
    }


def test_every_metric_is_compared_over_folds(client: TestClient, fake_worker: FakeWorker) -> None:
    good = cross_validated(fake_worker, [18, 17, 19, 18, 17])
    bad = cross_validated(fake_worker, [4, 1, 3, 4, 2])
    for metric in SUMMARISED:
        for ids in ((good, bad), (bad, good)):
            (item,) = compare(client, *ids, metric=metric.name)["items"]
            if metric.without_interval:
                assert (item["claim"], item["finding"]["code"]) == ("these_rows", "not_tested"), metric.name
                assert metric.without_interval in item["finding"]["sentence"]
                assert (item["low"], item["better"]) == (None, None), metric.name
                continue
            assert item["claim"] == "new_data" or item["finding"]["code"] == "undefined_metric", metric.name
            assert item["better"] == (good if item["comparable"] else None), metric.name


def test_a_metric_without_intervals_is_described_alone(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = (cross_validated(fake_worker, recalls) for recalls in ([18, 17, 19, 18, 17], [4, 1, 3, 4, 2]))
    answer = compare(client, a, b, metric="ece")
    (item,) = answer["items"]
    assert "over 5 folds" in item["finding"]["sentence"]
    assert "Of new rows nothing is known: the noise of each bin adds to it" in item["finding"]["sentence"]
    assert "cross_validation" not in item["finding"]["remedy"]
    assert "same_rows" not in [each["code"] for each in answer["remarks"]]


def test_the_smaller_value_of_a_minimised_metric_is_better(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    good = cross_validated(fake_worker, [18, 17, 19, 18, 17])
    bad = cross_validated(fake_worker, [4, 1, 3, 4, 2])
    answer = compare(client, bad, good, metric="loss")
    assert answer["direction"] == "min"
    assert answer["items"][0]["low"] > 0
    assert answer["items"][0]["better"] == good
    assert [each["code"] for each in answer["remarks"]] == ["selected_by_another_metric"] * 2
