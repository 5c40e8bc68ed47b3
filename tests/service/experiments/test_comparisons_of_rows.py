"""Comparisons on the same rows: intervals for new rows, corrected for all pairs, or why there are none."""

from statistics import fmean
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scipy import stats
from sqlalchemy import update

from service.store.database import Database
from service.store.tables import Checkpoint
from tests.service.experiments.compared import balanced, compare, trained
from tests.service.fake_worker import FakeWorker
from workers.evaluation.bootstrap import METRICS
from workers.evaluation.metrics import SUMMARISED
from workers.evaluation.metrics.titles import in_words
from workers.evaluation.score_differences import is_known


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
    shown = f"+0.319 [{item['low']:+.3f}, {item['high']:+.3f}] over 4 seeds."
    assert finding["sentence"] == (
        f"On new rows of this kind, 'focal' has a higher balanced accuracy than 'plain': {shown} "
        "Another split of the data may decide otherwise."
    )
    assert '"split": {"name": "cross_validation"}' in finding["remedy"]


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
                why = (
                    metric.without_interval
                    or f"the bootstrap over rows does not know {in_words(metric.name)}"
                )
                assert why in item["finding"]["sentence"]
            else:
                assert item["finding"]["code"] == "undefined_metric"
                assert metric.null_for is not None


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
    assert "'no 0' has a lower balanced accuracy than 'no 1'" in alone["finding"]["sentence"]
    item = compare(client, *ids)["items"][0]
    assert item["low"] < 0 < item["high"]
    assert (item["better"], item["finding"]["code"]) == (None, "no_difference_shown")
    assert item["finding"]["sentence"] == (
        "On new rows of this kind, no difference in balanced accuracy is shown between 'no 0' and 'no 1': "
        f"-0.167 [{item['low']:+.3f}, {item['high']:+.3f}] over 3 seeds, corrected for 6 pairs. "
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
    assert item["finding"]["remedy"].startswith("Train a third seed of both first")


def test_equal_models_have_an_interval_around_0(client: TestClient, fake_worker: FakeWorker) -> None:
    a, b = (trained(fake_worker, {0: 15, 1: 12}) for _ in range(2))
    (item,) = compare(client, a, b)["items"]
    assert item["low"] < item["difference"] == 0 < item["high"]
    assert f"between experiment {a} and experiment {b}: 0 [" in item["finding"]["sentence"]


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
        "On these rows, the balanced accuracy of 'new' minus that of 'old' is +0.375 over 2 seeds, with a standard "
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
