"""The intervals of a summary: what they are of, when they are computed, and why there may be none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, update

from service.experiments import intervals as module
from service.experiments.intervals import IntervalService
from service.experiments.row_results import RowResultsLoader
from service.store import queue, summary_intervals
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.tables import Checkpoint, Experiment
from tests.service.fake_worker import FakeWorker, Matrix
from workers.evaluation.bootstrap import two_way_bootstrap
from workers.evaluation.delong import delong
from workers.evaluation.metrics import FROM_CONFUSION
from workers.evaluation.score_bootstrap import bootstrap_scores
from workers.evaluation.two_classes import positive_scores
from workers.randomness import generator

MATRICES = [[[176, 4], [2, 18]], [[170, 10], [5, 15]], [[178, 2], [9, 11]]]


def trained(fake_worker: FakeWorker, *validation: Matrix, last: str = "succeeded", **spec: Any) -> int:
    """An experiment with a seed for each matrix. All succeed but the last one, which ends with that status."""
    seeds = list(range(len(validation)))
    experiment_id = fake_worker.submit(seeds=seeds, **spec)
    for seed, matrix in zip(seeds, validation, strict=True):
        fake_worker.claim()
        fake_worker.epoch(experiment_id, 1, matrix, seed=seed)
        status = last if seed == seeds[-1] else "succeeded"
        if status == "succeeded":
            fake_worker.save_rows(experiment_id, matrix, seed=seed)
        if status != "running":
            fake_worker.finish(experiment_id, status, seed=seed)
    return experiment_id


def meaning(summary: dict[str, Any], figure: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in summary["intervals"] if figure in each["figures"]]
    assert len(found) == 1
    return found[0]


def test_the_auroc_of_two_classes_has_delong_s_interval(fake_worker: FakeWorker) -> None:
    """One seed: of this model, over new rows."""
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, MATRICES[0])
    results = fake_worker.save_rows(experiment_id, MATRICES[0])
    fake_worker.finish(experiment_id, "succeeded")
    assert results.score is not None
    scores, is_positive = positive_scores(results.labels, results.score, 1)
    found = delong(scores[None], is_positive)
    assert found is not None
    summary = fake_worker.read(experiment_id)["summary"]
    auroc = summary["metrics"]["auroc"]
    methods = {
        figure: meaning(summary, figure)["method"] for figure in ("baselines", "baselines.balanced_accuracy")
    }
    assert methods == {"baselines": "wilson", "baselines.balanced_accuracy": "two_way_bootstrap"}
    assert (auroc["low"], auroc["high"]) == pytest.approx((found.interval().low, found.interval().high))
    assert meaning(summary, "metrics.auroc")["method"] == "delong"
    scored = bootstrap_scores(
        [results], generator(0, "intervals"), classes=2, class_counts=np.array([900, 100])
    )
    assert set(scored) == {"nll", "brier", "average_precision"}
    for name, each in scored.items():
        estimate = summary["metrics"][name]
        assert (estimate["low"], estimate["high"]) == (each.interval.low, each.interval.high)
    assert summary["metrics"]["ece"]["low"] is None


def stored(database: Database, experiment_id: int) -> Any:
    with database.read() as connection:
        return connection.scalar(select(Experiment.intervals).where(Experiment.id == experiment_id))


@pytest.fixture
def service(app: FastAPI, client: TestClient) -> IntervalService:
    """The application's own."""
    found: IntervalService = app.state.intervals
    return found


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of seeds that were bootstrapped, one for each time."""
    seen: list[int] = []

    def counted(predictions: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.append(len(predictions))
        return two_way_bootstrap(predictions, *arguments, **keywords)

    monkeypatch.setattr(module, "two_way_bootstrap", counted)
    return seen


def test_they_are_the_two_way_bootstrap_of_the_row_level_results(fake_worker: FakeWorker) -> None:
    """The frequencies of the classes are as certain as all 1,000 rows of the stratified split make them."""
    predictions = np.array([np.repeat([0, 1, 0, 1], np.ravel(matrix)) for matrix in MATRICES])
    labels = np.repeat([0, 1], [180, 20])
    # The rows of each matrix are in its own order; a bootstrap pairs the rows of the seeds as they are stored.
    expected = two_way_bootstrap(
        predictions, labels, generator(0, "intervals"), classes=2, class_counts=np.array([900, 100])
    )
    summary = fake_worker.read(trained(fake_worker, *MATRICES))["summary"]
    for name in (metric.name for metric in FROM_CONFUSION):
        estimate, found = summary["metrics"][name], expected[name]
        assert (estimate["low"], estimate["high"]) == (found.interval.low, found.interval.high), name
        assert estimate["low"] < estimate["mean"] < estimate["high"], name
        assert estimate["mean"] == pytest.approx(found.value), name
    for index, each in enumerate(summary["classes"]):
        found = expected[f"recall_{index}"]
        assert (each["accuracy_low"], each["accuracy_high"]) == (found.interval.low, found.interval.high)
        assert each["accuracy"] == pytest.approx(found.value)
    assert summary["metrics"]["loss"]["low"] is None


def test_a_summary_says_of_what_they_are(fake_worker: FakeWorker) -> None:
    summary = fake_worker.read(trained(fake_worker, *MATRICES))["summary"]
    of_means = meaning(summary, "metrics")
    assert of_means == meaning(summary, "classes")
    assert (of_means["of"], of_means["method"]) == ("new_rows_and_seeds", "two_way_bootstrap")
    assert (of_means["level"], of_means["resamples"], of_means["missing"]) == (0.95, 1000, None)
    assert of_means["optimistic"] is True
    assert "selected on the rows that measure them" in of_means["sentence"]
    assert (meaning(summary, "seeds")["of"], meaning(summary, "seeds")["method"]) == ("new_rows", "wilson")
    assert meaning(summary, "baselines")["optimistic"] is False


def test_one_seed_and_one_epoch_are_neither_over_seeds_nor_optimistic(fake_worker: FakeWorker) -> None:
    id_ = trained(fake_worker, MATRICES[0], training={"epochs": 1})
    summary = fake_worker.read(id_)["summary"]
    of_means = meaning(summary, "metrics")
    assert (of_means["of"], of_means["optimistic"]) == ("new_rows", False)
    assert "selected" not in of_means["sentence"]
    accuracy = summary["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["mean"] < accuracy["high"]


def test_seeds_that_tie_have_an_interval_all_the_same(fake_worker: FakeWorker) -> None:
    perfect = [[180, 0], [0, 20]]
    summary = fake_worker.read(trained(fake_worker, perfect, perfect, perfect))["summary"]
    balanced, rare = summary["metrics"]["balanced_accuracy"], summary["classes"][1]
    assert (balanced["sd"], balanced["mean"]) == (0, 1)
    assert balanced["low"] < 0.99 < balanced["high"] == 1
    assert rare["accuracy_low"] < 0.95 < rare["accuracy_high"] == 1


def test_they_are_computed_once_and_not_while_the_experiment_runs(
    fake_worker: FakeWorker, service: IntervalService, computed: list[int]
) -> None:
    id_ = trained(fake_worker, *MATRICES, last="running")
    running = fake_worker.read(id_)["summary"]
    assert meaning(running, "metrics")["missing"]["code"] == "not_ended"
    assert running["metrics"]["accuracy"]["low"] is None
    assert computed == []
    fake_worker.save_rows(id_, MATRICES[-1], seed=2)
    fake_worker.finish(id_, "succeeded", seed=2)
    first, *others = (fake_worker.read(id_)["summary"] for _ in range(3))
    assert computed == [3]
    assert others == [first, first]
    service.store(id_)
    assert computed == [3]
    assert stored(fake_worker.database, id_)["metrics"]["accuracy"][0] == first["metrics"]["accuracy"]["low"]
    restarted = IntervalService(
        fake_worker.database, RowResultsLoader(fake_worker.database, ArtifactStore("unused"))
    )
    restarted.store(id_)
    assert fake_worker.read(id_)["summary"] == first
    assert computed == [3]


def test_who_asks_for_what_is_known_does_not_wait_and_the_page_says_so(
    fake_worker: FakeWorker, service: IntervalService, computed: list[int]
) -> None:
    id_ = trained(fake_worker, *MATRICES)
    client, path, page = fake_worker.client, f"/experiments/{id_}", f"/ui/experiments/{id_}"
    early = client.get(path, params={"intervals": "known"})
    assert meaning(early.json()["summary"], "metrics")["missing"]["code"] == "not_computed"
    assert early.json()["summary"]["metrics"]["accuracy"]["low"] is None
    assert (early.headers["cache-control"], "etag" in early.headers) == ("no-store", False)
    assert "The intervals are being computed" in client.get(page).text
    assert client.get("/ui/experiments").status_code == 200
    assert computed == []
    complete = fake_worker.read(id_)["summary"]
    known = client.get(path, params={"intervals": "known"})
    assert known.json()["summary"] == complete
    assert known.headers["etag"]
    assert "The intervals are being computed" not in client.get(page).text
    assert computed == [3]


def test_a_retry_removes_them_and_late_ones_are_not_stored(
    fake_worker: FakeWorker, service: IntervalService, database: Database
) -> None:
    id_ = trained(fake_worker, *MATRICES, last="failed")
    service.store(id_)
    before = stored(database, id_)
    assert before is not None
    with database.write() as connection:
        late = summary_intervals.sources(connection, id_)
        queue.retry(connection, id_)
    assert stored(database, id_) is None
    with database.write() as connection:
        assert not summary_intervals.save(connection, id_, late, before)
    fake_worker.claim()
    fake_worker.epoch(id_, 1, MATRICES[2], seed=2)
    fake_worker.save_rows(id_, MATRICES[2], seed=2)
    fake_worker.finish(id_, "succeeded", seed=2)
    with database.write() as connection:
        assert not summary_intervals.save(connection, id_, late, before)
    assert stored(database, id_) is None
    service.store(id_)
    assert stored(database, id_) not in (None, before)


def test_a_failed_seed_is_left_out_of_them(fake_worker: FakeWorker, computed: list[int]) -> None:
    summary = fake_worker.read(trained(fake_worker, *MATRICES, last="failed"))["summary"]
    assert computed == [2]
    assert summary["metrics"]["accuracy"]["low"] is not None


def test_a_cancelled_seed_in_the_means_leaves_none(fake_worker: FakeWorker, computed: list[int]) -> None:
    summary = fake_worker.read(trained(fake_worker, *MATRICES, last="cancelled"))["summary"]
    assert summary["metrics"]["accuracy"]["n"] == 3
    missing = meaning(summary, "metrics")["missing"]
    assert missing["code"] == "no_row_results"
    assert missing["sentence"].startswith("Seed 2 has no row-level results: a cancelled run keeps none.")
    assert computed == []


def test_an_experiment_of_an_earlier_version_has_none_and_says_why(
    fake_worker: FakeWorker, database: Database, service: IntervalService
) -> None:
    id_ = trained(fake_worker, *MATRICES)
    with database.write() as connection:
        connection.execute(delete(Checkpoint).where(Checkpoint.kind == "row_results"))
    service.store(id_)
    assert stored(database, id_) is None
    summary = fake_worker.read(id_)["summary"]
    missing = meaning(summary, "classes")["missing"]
    assert missing["sentence"].startswith(
        "Seed 0, seed 1, seed 2 have no row-level results: an earlier version kept none."
    )
    assert summary["classes"][0]["accuracy_low"] is None


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_artifacts_that_cannot_be_read_leave_none_until_they_can(
    damage: str, fake_worker: FakeWorker, database: Database, tmp_path: Path, app: FastAPI
) -> None:
    id_ = trained(fake_worker, MATRICES[0])
    artifacts = ArtifactStore(str(tmp_path / "artifacts"), row_bytes=10)
    app.state.row_results._artifacts = artifacts
    with database.write() as connection:
        rows = Checkpoint.kind == "row_results"
        content = connection.scalars(select(Checkpoint.content).where(rows)).one()
        assert content is not None
        columns = artifacts.columns(artifacts.save(content))
        connection.execute(update(Checkpoint).where(rows).values(columns))
    path = Path(artifacts.files.url) / columns["artifact"]
    if damage == "lost":
        path.rename(path.with_suffix(".bak"))
    else:
        path.write_bytes(b"other")
    missing = meaning(fake_worker.read(id_)["summary"], "metrics")["missing"]
    assert missing["code"] == "unreadable_row_results"
    path.write_bytes(content)
    assert meaning(fake_worker.read(id_)["summary"], "metrics")["missing"] is None
