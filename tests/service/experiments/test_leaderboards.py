"""The leaderboard of a sweep: ranks, the group that cannot be told from the best, and the corrected best value."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from service.experiments.candidate_comparison import Entrant, compare_candidates
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.epochs.epoch_writer import Measured
from service.store.tables import Run
from tests.service.experiments.compared import confusion
from tests.service.fake_worker import FakeWorker, evaluation
from tests.service.stored_runs import record_epochs
from workers.training import Epoch

DATA = {"name": "synthetic", "counts": [900, 100], "features": 2}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is computed does not depend on the database; `tests/service/api/test_sweeps.py` reads one on both."""
    return sqlite_url


def submit(
    client: TestClient, hidden: Sequence[Sequence[int]], seeds: int = 2, **spec: Any
) -> dict[str, Any]:
    base = {"dataset": DATA, "seeds": list(range(seeds)), "training": {"epochs": 1}} | spec
    response = client.post("/sweeps", json={"spec": base, "space": {"model.hidden": hidden}})
    assert response.status_code == 202, response.text
    sweep: dict[str, Any] = response.json()
    return sweep


def finish(worker: FakeWorker, scores: Sequence[Sequence[int]], *, rows: bool = True) -> None:
    """Let the candidates succeed in order, each seed with so many of the 20 rows of the small class recognised."""
    for of_seeds in scores:
        for _ in of_seeds:
            experiment, seed = worker.claim()
            worker.epoch(experiment, 1, confusion(of_seeds[seed]), seed=seed)
            if rows:
                worker.save_rows(experiment, confusion(of_seeds[seed]), seed=seed)
            worker.finish(experiment, "succeeded", seed=seed)


def leaderboard(client: TestClient, sweep: dict[str, Any], query: str = "") -> dict[str, Any]:
    response = client.get(f"/sweeps/{sweep['id']}/leaderboard{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_candidates_are_ranked_and_those_as_good_as_the_best_are_marked(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    sweep = submit(client, [[64], [2], [8], [4]])
    finish(fake_worker, [[19, 19], [3, 4], [18, 19], [4, 3]])
    board = leaderboard(client, sweep)
    assert [each["candidate"] for each in board["items"]] == [0, 2, 1, 3]
    assert [each["top"] for each in board["items"]] == [True, True, False, False]
    assert [each["rank"] for each in board["items"]] == [1, 2, 3, 4]
    first, second = board["items"][:2]
    assert first["value"] == pytest.approx((1 + 19 / 20) / 2)
    assert first["low"] < first["value"] < first["high"]
    assert second["sd"] == pytest.approx(np.std([(1 + 18 / 20) / 2, (1 + 19 / 20) / 2], ddof=1))
    assert second["class_values"] == [1, pytest.approx(18.5 / 20)]
    assert (first["difference"], first["p_value"]) == (0, 1)
    assert second["difference"] == pytest.approx(0.5 / 40)
    assert all(each["p_value"] < 0.05 for each in board["items"][2:])
    assert (board["ranked"], board["top"]) == (4, 2)
    assert board["metric"] == "balanced_accuracy"


def test_the_simplest_of_the_top_group_is_recommended(client: TestClient, fake_worker: FakeWorker) -> None:
    sweep = submit(client, [[64], [2], [8]])
    finish(fake_worker, [[19, 19], [3, 4], [18, 19]])
    board = leaderboard(client, sweep)
    recommended = board["recommended"]
    assert recommended["candidate"] == 2
    assert recommended["sentence"].startswith(
        "2 of 3 candidates cannot be told from the best by balanced accuracy."
    )
    assert "has the fewest parameters (" in recommended["sentence"]
    (row,) = (each for each in board["items"] if each["candidate"] == 2)
    assert recommended["worse_by"] == pytest.approx(row["difference"])
    assert recommended["low"] <= 0 < recommended["high"]  # it cannot be told from the best
    assert (recommended["low"] + recommended["high"]) / 2 == pytest.approx(recommended["worse_by"])
    assert f"may be up to {recommended['high']:.3g} worse" in recommended["sentence"]
    assert [each["candidate"] for each in board["items"] if each["recommended"]] == [2]
    id_ = recommended["experiment_id"]
    assert recommended["links"]["test_evaluations"] == f"/experiments/{id_}/test-evaluations"


def test_of_equally_simple_candidates_the_best_is_recommended(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    base = {"dataset": DATA, "seeds": [0, 1], "training": {"epochs": 1}}
    space = {"loss": ["focal", "cross_entropy", "balanced_softmax"]}
    sweep = client.post("/sweeps", json={"spec": base, "space": space}).json()
    finish(fake_worker, [[18, 19], [19, 19], [18, 18]])
    recommended = leaderboard(client, sweep)["recommended"]
    assert recommended["candidate"] == 1
    assert "is the best of the 3 with the fewest parameters (" in recommended["sentence"]
    assert recommended["worse_by"] is None
    with database.write() as connection:
        slow = update(Run).where(Run.experiment_id == recommended["experiment_id"])
        connection.execute(slow.values(training_seconds=100.0))
    recommended = leaderboard(client, sweep, "?metric=macro_f1")["recommended"]
    assert recommended["candidate"] == 0
    assert "is the best of the 2 with the fewest parameters (" in recommended["sentence"]


def test_intervals_stay_within_the_range_of_the_metric(client: TestClient, fake_worker: FakeWorker) -> None:
    """Two seeds that differ as much as they can have noise beyond it."""
    sweep = submit(client, [[8], [4]])
    finish(fake_worker, [[1, 20], [20, 0]])
    board = leaderboard(client, sweep)
    assert [(each["low"], each["high"]) for each in board["items"]] == [(0, 1), (0, 1)]
    assert (board["recommended"]["low"], board["recommended"]["high"]) == (-1, 1)


def test_the_best_value_is_corrected_for_the_choice(client: TestClient, fake_worker: FakeWorker) -> None:
    sweep = submit(client, [[n] for n in range(1, 9)])
    finish(fake_worker, [[10 + n % 4, 11 + n % 3] for n in range(8)])
    best = leaderboard(client, sweep)["best"]
    assert best["among"] == 8
    assert best["measured"] == leaderboard(client, sweep)["items"][0]["value"]
    assert best["optimism"] == pytest.approx(best["measured"] - best["corrected"])
    assert abs(best["optimism"]) < best["high"] - best["low"]
    assert best["low"] < best["corrected"] < best["high"]


def test_a_winner_by_far_is_named(client: TestClient, fake_worker: FakeWorker) -> None:
    sweep = submit(client, [[4], [8]])
    finish(fake_worker, [[2, 3], [19, 20]])
    board = leaderboard(client, sweep)
    assert (board["top"], board["recommended"]["candidate"]) == (1, 1)
    assert "is better by balanced accuracy than every other candidate" in board["recommended"]["sentence"]
    assert board["recommended"]["worse_by"] is None


def test_a_sweep_without_results_has_an_empty_leaderboard(client: TestClient) -> None:
    board = leaderboard(client, submit(client, [[4], [8]]))
    assert (board["items"], board["best"], board["recommended"], board["top"]) == ([], None, None, None)
    assert board["counts"]["queued"] == 2


def test_a_single_candidate_is_not_corrected(client: TestClient, fake_worker: FakeWorker) -> None:
    sweep = submit(client, [[4], [8]], seeds=1)
    finish(fake_worker, [[5]])
    board = leaderboard(client, sweep)
    assert (board["ranked"], board["top"], board["best"]["corrected"]) == (1, 1, None)
    assert {each["code"] for each in board["remarks"]} == {"same_rows", "one_seed"}


def test_without_row_level_results_nothing_is_compared(client: TestClient, fake_worker: FakeWorker) -> None:
    sweep = submit(client, [[4], [8]])
    finish(fake_worker, [[2, 3], [19, 20]], rows=False)
    board = leaderboard(client, sweep)
    assert [each["candidate"] for each in board["items"]] == [1, 0]
    assert [each["top"] for each in board["items"]] == [None, None]
    assert (board["recommended"], board["best"]["corrected"]) == (None, None)
    assert "not_compared" in {each["code"] for each in board["remarks"]}


def test_candidates_of_a_regression_are_not_compared_on_a_single_row() -> None:
    rows: Any = SimpleNamespace(targets=np.zeros(1), rows="")
    contender: Any = SimpleNamespace(of_folds=False)
    assert compare_candidates([Entrant(contender, 0.1, rows), Entrant(contender, 0.2, rows)], "rmse") is None


def test_another_metric_ranks_too(client: TestClient, fake_worker: FakeWorker) -> None:
    sweep = submit(client, [[4], [8]])
    finish(fake_worker, [[2, 3], [19, 20]])
    assert leaderboard(client, sweep, "?metric=mcc")["metric"] == "mcc"
    by_loss = leaderboard(client, sweep, "?metric=nll")
    assert by_loss["direction"] == "min"
    assert by_loss["items"][0]["value"] < by_loss["items"][1]["value"]
    assert client.get(f"/sweeps/{sweep['id']}/leaderboard?metric=colour").status_code == 422


def test_different_losses_are_not_ranked_by_their_values(client: TestClient, fake_worker: FakeWorker) -> None:
    spec = {"dataset": DATA, "training": {"epochs": 1}}
    space = {"loss": ["focal", "cross_entropy"]}
    sweep = client.post("/sweeps", json={"spec": spec, "space": space}).raise_for_status().json()
    finish(fake_worker, [[5], [7]])
    for resource in ("leaderboard", "importance"):
        refused = client.get(f"/sweeps/{sweep['id']}/{resource}?metric=loss")
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-parameter")
        assert "different losses" in refused.json()["detail"]
    assert leaderboard(client, sweep)["ranked"] == 2


def test_halving_by_the_pinball_loss_of_different_quantiles_is_refused(client: TestClient) -> None:
    training = {"epochs": 9, "early_stopping": {"metric": "pinball"}}
    request = {
        "spec": {"dataset": "diabetes", "loss": {"name": "quantile"}, "training": training},
        "space": {"loss.quantile": {"uniform": [0.1, 0.9]}},
        "strategy": "successive_halving",
        "candidates": 9,
    }
    refused = client.post("/sweeps/validate", json=request)
    assert refused.status_code == 422
    assert [each["path"] for each in refused.json()["errors"]] == ["strategy"]
    assert "different quantiles" in refused.json()["detail"]
    assert client.post("/sweeps/validate", json=request | {"strategy": "random"}).status_code == 200


def test_the_leaderboard_changes_only_when_a_candidate_succeeds(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    sweep = submit(client, [[4], [8]], seeds=1)
    finish(fake_worker, [[5]])
    path = f"/sweeps/{sweep['id']}/leaderboard"
    etag = {"If-None-Match": client.get(path).headers["etag"]}
    assert client.get(path, headers=etag).status_code == 304
    finish(fake_worker, [[7]])
    assert client.get(path, headers=etag).status_code == 200
    assert client.get("/sweeps/9/leaderboard").json()["type"] == "/problems/unknown-sweep"


def test_the_field_that_decides_is_the_most_important(client: TestClient, fake_worker: FakeWorker) -> None:
    space = {"model.hidden": [[4], [8], [2]], "optimizer.learning_rate": [0.1, 0.01]}
    spec = {"dataset": DATA, "training": {"epochs": 1}}
    sweep = client.post("/sweeps", json={"spec": spec, "space": space}).json()
    finish(fake_worker, [[5], [6], [15], [14], [10], [10]])
    found = client.get(f"/sweeps/{sweep['id']}/importance").json()
    assert [each["path"] for each in found["fields"]] == ["model.hidden", "optimizer.learning_rate"]
    assert found["fields"][0]["share"] > 0.9
    levels = {each["level"]: each for each in found["fields"][0]["levels"]}
    assert levels["[8]"]["mean"] == pytest.approx((1 + 14.5 / 20) / 2)
    assert levels["[8]"]["candidates"] == 2


def test_a_cross_validation_is_compared_over_its_folds(client: TestClient, fake_worker: FakeWorker) -> None:
    split = {"name": "cross_validation", "folds": 5}
    sweep = submit(client, [[4], [8], [2]], seeds=1, split=split)
    for scores in ([19, 18, 19, 20, 19], [18, 19, 20, 19, 18], [2, 4, 3, 2, 3]):
        for recognised in scores:
            experiment, seed = fake_worker.claim()
            measured = evaluation(confusion(recognised))
            lease = fake_worker.leases[experiment, seed]
            epoch = Epoch(1, measured, measured, measured.confusion.sum(axis=1), 0.001, 0.5, 1, 2.0)
            with fake_worker.database.write() as connection:
                record_epochs(connection, lease.run_id, [epoch])
                epoch_writer.record_evaluations(connection, [Measured(lease.run_id, 1, measured)])
            fake_worker.finish(experiment, "succeeded", seed=seed)
    board = leaderboard(client, sweep)
    assert board["split"] == "evaluation"
    assert [(each["candidate"], each["top"]) for each in board["items"]] == [(0, True), (1, True), (2, False)]
    assert board["items"][0]["value"] == pytest.approx(
        np.mean([(1 + n / 20) / 2 for n in (19, 18, 19, 20, 19)])
    )
    assert board["remarks"] == []
