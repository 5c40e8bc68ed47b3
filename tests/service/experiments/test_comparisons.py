"""Comparisons: on the same rows, over the same folds, corrected, and refused if experiments are not comparable."""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scipy import stats
from sqlalchemy import update

from service.experiments import row_differences
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.tables import Checkpoint
from tests.service.fake_worker import FakeWorker, Matrix, evaluation
from workers.evaluation.bootstrap import METRICS
from workers.evaluation.metrics import SUMMARISED
from workers.evaluation.paired_bootstrap import resample
from workers.evaluation.score_differences import is_known
from workers.training import Epoch

OUTLIER = {"dataset": {"name": "synthetic", "counts": [900, 100], "features": 3}}
Scores = dict[int, int]
"""By seed: how many of the 20 rows of the small validation class are recognised."""
FIGURES = ("mean_a", "mean_b", "difference", "sd", "level", "low", "high", "p_value", "p_value_corrected")


def confusion(recognised: int) -> Matrix:
    return [[180, 0], [20 - recognised, recognised]]


def trained(fake_worker: FakeWorker, scores: Scores, *, rows: bool = True, **spec: Any) -> int:
    """An experiment that has succeeded with these scores. rows: whether it kept row-level results."""
    id_ = fake_worker.submit(seeds=list(scores), training={"epochs": 2}, **spec)
    for _ in scores:
        fake_worker.claim()
    for seed, recognised in scores.items():
        fake_worker.epoch(id_, 1, confusion(recognised), seed=seed)
        fake_worker.epoch(id_, 2, confusion(0), seed=seed, best_epoch=1)
        if rows:
            fake_worker.save_rows(id_, confusion(recognised), seed=seed)
        fake_worker.finish(id_, "succeeded", seed=seed)
    return id_


def cross_validated(fake_worker: FakeWorker, scores: Sequence[int], seeds: int = 1, **spec: Any) -> int:
    """A cross-validation of five folds with these scores, by fold; each seed after the first has one less."""
    split = {"name": "cross_validation", "folds": 5} | spec.pop("split", {})
    id_ = fake_worker.submit(seeds=list(range(seeds)), training={"epochs": 1}, split=split, **spec)
    for recognised in scores:
        for seed in range(seeds):
            _, claimed = fake_worker.claim()
            measured = evaluation(confusion(recognised - seed))
            lease = fake_worker.leases[id_, claimed]
            epoch = Epoch(1, measured, measured, measured.confusion.sum(axis=1), 0.001, 0.5, 1, 2.0)
            with fake_worker.database.write() as connection:
                epoch_writer.record_epochs(connection, lease.run_id, [epoch])
                epoch_writer.record_evaluation(connection, lease.run_id, 1, measured)
            fake_worker.finish(id_, "succeeded", seed=claimed)
    return id_


def compare(client: TestClient, *ids: int, **query: Any) -> dict[str, Any]:
    response = client.get("/comparisons", params={"ids": ",".join(map(str, ids)), **query})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def balanced(scores: Sequence[int]) -> list[float]:
    return [(1 + recognised / 20) / 2 for recognised in scores]


def test_on_the_same_rows_models_are_compared_on_new_rows_and_new_seeds(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a = trained(fake_worker, {0: 15, 1: 16, 2: 14, 3: 17}, name="focal", loss="focal")
    b = trained(fake_worker, {3: 4, 2: 2, 7: 20, 1: 2, 0: 3}, name="plain")
    answer = compare(client, a, b)
    assert (answer["metric"], answer["direction"], answer["split"]) == (
        "balanced_accuracy",
        "max",
        "validation",
    )
    assert (answer["level"], answer["tested"]) == (0.95, 1)
    (item,) = answer["items"]
    assert (item["claim"], item["folds"]) == ("new_rows", None)
    assert (item["a"], item["b"], item["seeds"], item["better"]) == (a, b, [0, 1, 2, 3], a)
    assert item["mean_a"] == pytest.approx(fmean(balanced([15, 16, 14, 17])))
    assert item["difference"] == pytest.approx(item["mean_a"] - item["mean_b"])
    assert 0 < item["low"] < item["difference"] < item["high"]
    assert item["level"] == pytest.approx(0.95)
    assert item["p_value"] == item["p_value_corrected"] < 0.05
    assert [(each["seed"], each["only_a"], each["only_b"]) for each in item["mcnemar"]] == [
        (0, 12, 0),
        (1, 14, 0),
        (2, 12, 0),
        (3, 13, 0),
    ]
    finding = item["finding"]
    assert finding["code"] == "difference_shown"
    shown = f"+0.319 [{item['low']:+.3g}, {item['high']:+.3g}] over 4 seeds."
    assert finding["sentence"] == (
        f"On new rows of this kind, 'focal' has a higher balanced_accuracy than 'plain': {shown} "
        "Another split of the data may decide otherwise."
    )
    assert '"split": {"name": "cross_validation"}' in finding["remedy"]


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
        "Trained and measured on new data of this kind, 'focal' has a higher balanced_accuracy than 'plain': "
        f"+0.15 [{low:+.3g}, {high:+.3g}] over 5 folds."
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


def test_every_metric_is_compared_on_rows_or_says_why_not(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    good = trained(fake_worker, {0: 19, 1: 18, 2: 19, 3: 19})
    bad = trained(fake_worker, {0: 2, 1: 3, 2: 2, 3: 3})
    for metric in SUMMARISED:
        for ids in ((good, bad), (bad, good)):
            (item,) = compare(client, *ids, metric=metric.name)["items"]
            if metric.name in METRICS or is_known(metric.name, classes=2):
                assert (item["claim"], item["better"]) == ("new_rows", good), metric.name
                assert item["low"] * item["high"] > 0
            elif item["comparable"]:
                assert (item["claim"], item["better"], item["low"]) == ("these_rows", None, None)
                assert item["finding"]["code"] == "not_tested"
                assert f"the bootstrap over rows does not know {metric.name}" in item["finding"]["sentence"]
            else:
                assert item["finding"]["code"] == "undefined_metric"
                assert metric.null_for is not None


def test_every_metric_is_compared_over_folds(client: TestClient, fake_worker: FakeWorker) -> None:
    good = cross_validated(fake_worker, [18, 17, 19, 18, 17])
    bad = cross_validated(fake_worker, [4, 1, 3, 4, 2])
    for metric in SUMMARISED:
        for ids in ((good, bad), (bad, good)):
            (item,) = compare(client, *ids, metric=metric.name)["items"]
            assert item["claim"] == "new_data" or item["finding"]["code"] == "undefined_metric", metric.name
            assert item["better"] == (good if item["comparable"] else None), metric.name


def test_intervals_and_p_values_are_corrected_for_all_pairs_or_for_those_with_the_reference(
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
    against = compare(client, *ids, reference=ids[0])
    assert [(each["a"], each["b"]) for each in against["items"]] == [(ids[1], ids[0]), (ids[2], ids[0])]
    for items, tested in ((pairs, 3), (against["items"], 2)):
        for each in items:
            assert each["level"] == pytest.approx(1 - 0.05 / tested)
            assert each["p_value_corrected"] == pytest.approx(min(1, tested * each["p_value"]))
    alone, corrected = against["items"][0], pairs[0]
    assert corrected["high"] - corrected["low"] > alone["high"] - alone["low"]


def test_a_difference_that_the_correction_removes_shows_the_interval_that_removes_it(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    scores = ([9, 9, 9], [15, 16, 16], [9, 8, 9], [11, 10, 9])
    ids = [trained(fake_worker, dict(enumerate(each)), name=f"no {i}") for i, each in enumerate(scores)]
    alone = compare(client, *ids[:2])["items"][0]
    assert (alone["better"], alone["finding"]["code"]) == (ids[1], "difference_shown")
    assert "'no 0' has a lower balanced_accuracy than 'no 1'" in alone["finding"]["sentence"]
    item = compare(client, *ids)["items"][0]
    assert item["low"] < 0 < item["high"]
    assert (item["better"], item["finding"]["code"]) == (None, "no_difference_shown")
    assert item["finding"]["sentence"] == (
        "On new rows of this kind, no difference in balanced_accuracy is shown between 'no 0' and 'no 1': "
        f"-0.167 [{item['low']:+.3g}, {item['high']:+.3g}] over 3 seeds, corrected for 6 pairs. "
        "Another split of the data may decide otherwise."
    )


def test_mcnemar_s_p_values_are_corrected_by_holm_and_are_1_without_a_discordant_row(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a, b = trained(fake_worker, {0: 15, 1: 12}), trained(fake_worker, {0: 7, 1: 12})
    first, second = compare(client, a, b)["items"][0]["mcnemar"]
    assert first["p_value"] == pytest.approx(stats.binomtest(0, 8).pvalue)
    assert first["p_value_corrected"] == pytest.approx(2 * first["p_value"])
    assert (second["p_value"], second["p_value_corrected"]) == (1, 1)


def test_one_shared_seed_compares_two_models_and_says_so(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = trained(fake_worker, {0: 18, 1: 17}), trained(fake_worker, {5: 2, 0: 2})
    (item,) = compare(client, a, b)["items"]
    assert (item["seeds"], item["sd"], item["better"]) == ([0], None, a)
    assert "over seed 0 alone" in item["finding"]["sentence"]
    assert "Another seed or another split of the data may decide otherwise." in item["finding"]["sentence"]


def test_two_seeds_that_disagree_show_nothing(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = trained(fake_worker, {0: 20, 1: 12}), trained(fake_worker, {0: 5, 1: 8})
    (item,) = compare(client, a, b)["items"]
    assert item["low"] < 0 < item["high"]
    assert item["better"] is None


def test_equal_models_have_an_interval_around_0(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = (trained(fake_worker, {0: 15, 1: 12}) for _ in range(2))
    (item,) = compare(client, a, b)["items"]
    assert item["low"] < item["difference"] == 0 < item["high"]
    assert f"between experiment {a} and experiment {b}: 0 [" in item["finding"]["sentence"]


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


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (("focal", "plain"), ("'focal'", "'plain'")),
        (("twin", "twin"), ("'twin' (experiment {0})", "'twin' (experiment {1})")),
        ((None, "plain"), ("experiment {0}", "'plain'")),
    ],
)
def test_sentences_name_the_experiments_by_number_only_if_their_names_do_not(
    client: TestClient, fake_worker: FakeWorker, names: tuple[str | None, str], titles: tuple[str, str]
) -> None:
    named: list[dict[str, Any]] = [{"name": name} if name else {} for name in names]
    a, b = (trained(fake_worker, {0: 15, 1: 12}, **each) for each in named)
    sentence = compare(client, a, b)["items"][0]["finding"]["sentence"]
    assert f"between {titles[0].format(a, b)} and {titles[1].format(a, b)}: " in sentence


def test_without_row_level_results_only_these_rows_are_described(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    a, b = (
        trained(fake_worker, {0: 18, 1: 17}, name="new"),
        trained(fake_worker, {0: 2, 1: 3}, rows=False, name="old"),
    )
    answer = compare(client, a, b)
    (item,) = answer["items"]
    assert (item["comparable"], item["claim"], answer["tested"]) == (True, "these_rows", 0)
    assert {item[name] for name in ("level", "low", "high", "p_value", "better")} == {None}
    assert item["difference"] == pytest.approx(0.375)
    assert item["finding"]["sentence"] == (
        "On these rows, the balanced_accuracy of 'new' minus that of 'old' is +0.375 over 2 seeds, with a standard "
        "deviation of 0.035. Of new rows nothing is known: their runs have kept no row-level results in common."
    )


def test_row_level_results_that_cannot_be_read_are_said_so_and_read_once_they_are_restored(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    a, b = trained(fake_worker, {0: 18, 1: 17}), trained(fake_worker, {0: 2, 1: 3})
    mine = Checkpoint.kind == "row_results"
    with database.write() as connection:
        kept = dict(connection.execute(Checkpoint.__table__.select().where(mine)).first()._mapping)  # type: ignore[union-attr]
        connection.execute(
            update(Checkpoint).where(mine, Checkpoint.run_id == kept["run_id"]).values(content=b"?")
        )
    response = client.get(f"/comparisons?ids={a},{b}")
    assert response.headers["cache-control"] == "no-store"
    assert "cannot be read" in response.json()["items"][0]["finding"]["sentence"]
    with database.write() as connection:
        connection.execute(
            update(Checkpoint)
            .where(mine, Checkpoint.run_id == kept["run_id"])
            .values(content=kept["content"])
        )
    assert compare(client, a, b)["items"][0]["claim"] == "new_rows"


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

    def counted(experiments: Any, *args: Any, **options: Any) -> Any:
        computed.append(len(experiments))
        return resample(experiments, *args, **options)

    monkeypatch.setattr(row_differences, "resample", counted)
    assert compare(client, *ids) == first
    pair = compare(client, *ids[:2])["items"][0]
    assert computed == []
    assert pair["p_value"] == first["items"][0]["p_value"]
    swapped = compare(client, ids[1], ids[0])["items"][0]
    assert swapped["low"] == pytest.approx(-pair["high"], abs=0.02)
    assert computed == [2]
    compare(client, *ids, trained(fake_worker, {0: 3, 1: 2}))
    assert computed == [2, 4]


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
