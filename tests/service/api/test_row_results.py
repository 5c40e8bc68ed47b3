"""GET /experiments/{id}/predictions and /errors: exact, paged, bounded, and never of a sealed row."""

import csv
import io
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete

from service.experiments.row_results import RowReader
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.tables import Checkpoint
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker, Matrix
from tests.service.stored_runs import save_model
from workers.evaluation.row_results import RowPredictions, RowResults
from workers.processes.messages import Succeeded

MATRICES: list[Matrix] = [[[170, 10], [5, 15]], [[176, 4], [2, 18]]]


@pytest.fixture
def experiment(fake_worker: FakeWorker) -> str:
    """The path of an experiment with two seeds that have row-level results, and a third that failed."""
    id_ = fake_worker.submit(seeds=[3, 1, 2])
    for seed in (3, 1, 2):
        fake_worker.claim()
        fake_worker.epoch(id_, 1, MATRICES[seed % 2], seed=seed)
        if seed != 2:
            fake_worker.save_rows(id_, MATRICES[seed // 2], seed=seed)
    fake_worker.finish(id_, "succeeded", seed=1)
    fake_worker.finish(id_, "failed", seed=2, cause="diverged")
    fake_worker.finish(id_, "succeeded", seed=3)
    return f"/experiments/{id_}"


def items(client: TestClient, path: str) -> list[dict[str, Any]]:
    """Every item of a collection, page by page."""
    found: list[dict[str, Any]] = []
    link: str | None = path
    while link:
        page = client.get(link).json()
        assert page["items"], "an empty page"
        found, link = found + page["items"], page["next"]
    return found


def test_each_row_has_its_index_classes_and_score(client: TestClient, experiment: str) -> None:
    rows = items(client, f"{experiment}/predictions")
    assert [(row["seed"], row["row"]) for row in rows] == [(s, 3 * i) for s in (1, 3) for i in range(200)]
    for seed, matrix in ((1, MATRICES[0]), (3, MATRICES[1])):
        pairs = Counter((row["class"], row["predicted"]) for row in rows if row["seed"] == seed)
        assert pairs == {(str(i), str(j)): n for i, row in enumerate(matrix) for j, n in enumerate(row)}
    right = [row["score"] for row in rows if row["class"] == row["predicted"]]
    assert right == pytest.approx([np.exp(-0.1)] * len(right))
    of_regression = {"target", "prediction", "loss"}
    of_class = {"row", "seed", "repeat", "fold", "class", "predicted", "score"}
    assert set(rows[0]) == of_class | of_regression
    assert {rows[0][name] for name in of_regression} == {None}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("limit", [1, 7, 200, 201, 399, 400])
def test_pages_of_any_size_have_every_row_once(client: TestClient, experiment: str, limit: int) -> None:
    if limit == 1:
        assert items(client, f"{experiment}/predictions?wrong=true&seed=3&limit=1") == items(
            client, f"{experiment}/predictions?wrong=true&seed=3"
        )
        return
    assert items(client, f"{experiment}/predictions?limit={limit}") == items(
        client, f"{experiment}/predictions?limit=10000"
    )


def test_csv_and_json_lines_have_the_same_rows(client: TestClient, experiment: str) -> None:
    rows = items(client, f"{experiment}/predictions")
    lines = client.get(f"{experiment}/predictions?format=ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    table = list(csv.DictReader(io.StringIO(client.get(f"{experiment}/predictions?format=csv").text)))
    assert [{**row, "row": str(row["row"])}["row"] for row in rows] == [row["row"] for row in table]
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]
    limited = client.get(f"{experiment}/predictions?format=csv&limit=5")
    assert len(limited.text.splitlines()) == 6
    assert 'rel="next"' in limited.headers["Link"]
    accepted = client.get(f"{experiment}/predictions", headers={"Accept": "text/csv"})
    assert accepted.text == client.get(f"{experiment}/predictions?format=csv").text


def test_filters_choose_runs_and_misclassified_rows(client: TestClient, experiment: str) -> None:
    of_seed = items(client, f"{experiment}/predictions?seed=3")
    assert {row["seed"] for row in of_seed} == {3}
    wrong = items(client, f"{experiment}/predictions?seed=3&wrong=true")
    assert wrong == [row for row in of_seed if row["class"] != row["predicted"]]
    assert len(wrong) == 6
    none = client.get(f"{experiment}/predictions?seed=9")
    assert (none.status_code, none.json()["type"]) == (404, "/problems/unknown-seed")
    assert client.get(f"{experiment}/predictions?split=test").status_code == 422
    assert client.get(f"{experiment}/predictions?cursor=abc").json()["type"] == "/problems/invalid-cursor"


def test_a_run_without_them_is_404_and_says_why(
    client: TestClient, experiment: str, fake_worker: FakeWorker, database: Database
) -> None:
    failed = client.get(f"{experiment}/predictions?seed=2")
    assert (failed.status_code, failed.json()["type"]) == (404, "/problems/no-row-results")
    assert "a run keeps them when it succeeds, and these are failed" in failed.json()["detail"]
    with database.write() as connection:
        connection.execute(delete(Checkpoint).where(Checkpoint.kind == "row_results"))
    for path in ("predictions?seed=1", "errors?seed=1"):
        old = client.get(f"{experiment}/{path}")
        assert old.status_code == 404
        assert "a version of Holdout that kept none. Submit the spec again" in old.json()["detail"]
    assert client.get("/experiments/999/predictions").json()["type"] == "/problems/unknown-experiment"


@pytest.mark.parametrize("path", ["predictions", "errors"])
def test_they_are_revalidated_with_an_etag(client: TestClient, experiment: str, path: str) -> None:
    etag = client.get(f"{experiment}/{path}").headers["ETag"]
    assert client.get(f"{experiment}/{path}", headers={"If-None-Match": etag}).status_code == 304


def test_lost_artifacts_are_a_problem(
    client: TestClient, experiment: str, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.artifacts.artifact_store.hashlib.sha256", lambda content: content)
    monkeypatch.setattr(
        "service.experiments.row_results.row_results_reader.contents",
        lambda connection, run_ids: dict.fromkeys(run_ids, b"other"),
    )
    response = client.get(f"{experiment}/errors")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/unusable-row-results")


def save(fake_worker: FakeWorker, database: Database, id_: int, seed: int, results: RowResults) -> None:
    run_id = fake_worker.leases[id_, seed].run_id
    with database.write() as connection:
        ended = Succeeded(1, b"model", results.to_bytes())
        save_model(connection, ArtifactStore("unused"), run_id, ended)
    fake_worker.finish(id_, "succeeded", seed=seed)


def test_the_hardest_rows_are_those_that_most_seeds_get_wrong(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    """Four rows: 30 wrong in both seeds, 10 and 20 in one, 40 in none; 20 has the lower score."""
    three = {"name": "synthetic", "counts": [100, 100, 100], "features": 2}
    id_ = fake_worker.submit(seeds=[0, 1], dataset=three)
    rows, labels = np.array([10, 20, 30, 40]), np.array([0, 1, 1, 2])
    predicted = {0: np.array([2, 1, 0, 2]), 1: np.array([0, 0, 2, 2])}
    scores = {0: np.array([0.3, 0.6, 0.4, 0.9]), 1: np.array([0.7, 0.1, 0.2, 0.9])}
    for seed in (0, 1):
        fake_worker.claim()
        predictions = RowPredictions.of(predicted[seed], -np.log(scores[seed]), scores[seed], 3)
        save(fake_worker, database, id_, seed, RowResults.of(predictions, rows, labels, 3))
    found = client.get(f"/experiments/{id_}/errors").json()
    assert [(each["row"], each["wrong"], each["runs"]) for each in found["items"]] == [
        (30, 2, 2),
        (20, 1, 2),
        (10, 1, 2),
    ]
    hardest, second, _ = found["items"]
    assert hardest["class"] == "1"
    assert {each["class"]: each["runs"] for each in hardest["predicted"]} == {"0": 1, "2": 1}
    assert hardest["score"] == pytest.approx(0.3)
    assert second["predicted"] == [{"class": "0", "runs": 1}]
    counts = {name: found[name] for name in ("runs", "rows", "wrong_once", "wrong_in_most", "wrong_in_all")}
    assert counts == {"runs": 2, "rows": 4, "wrong_once": 3, "wrong_in_most": 1, "wrong_in_all": 1}
    assert found["confusions"][0] == {"class": "1", "predicted": "0", "predictions": 2}
    assert sum(each["predictions"] for each in found["confusions"]) == 4
    limited = client.get(f"/experiments/{id_}/errors?limit=1").json()
    assert [each["row"] for each in limited["items"]] == [30]
    assert sum(each["predictions"] for each in limited["confusions"]) == 2


def test_without_probabilities_there_is_no_score(
    client: TestClient, fake_worker: FakeWorker, database: Database
) -> None:
    id_ = fake_worker.submit(loss="l2")
    fake_worker.claim()
    predictions = RowPredictions.of(np.array([0, 1, 1]), None, None, 2)
    results = RowResults.of(predictions, np.array([5, 6, 7]), np.array([0, 0, 1]), 2)
    save(fake_worker, database, id_, 0, results)
    assert [row["score"] for row in items(client, f"/experiments/{id_}/predictions")] == [None] * 3
    (hardest,) = client.get(f"/experiments/{id_}/errors").json()["items"]
    assert (hardest["row"], hardest["score"]) == (6, None)


@pytest.mark.parametrize(
    "split", [{}, {"test": 0.4, "validation": 0.2, "train": 0.4, "seed": 3}, {"stratify": False}]
)
def test_sealed_test_rows_are_never_among_them(
    client: TestClient, app: FastAPI, fake_worker: FakeWorker, split: dict[str, Any]
) -> None:
    """With a model that is trained as an agent does it. Rows are recognised by their features."""
    id_ = fake_worker.submit(dataset="iris", split=split, training={"epochs": 1}, seeds=[0, 1])
    for seed in (0, 1):
        fake_worker.claim()
        trainer, _ = train_seed(app, fake_worker, id_, seed)
    spec = trainer.spec
    dataset = app.state.registry.load(spec.dataset)
    rows = {row["row"] for row in items(client, f"/experiments/{id_}/predictions")}
    assert np.array_equal(dataset.features[sorted(rows)], trainer.validation_part.features)
    sealed = app.state.registry.test_part(spec.dataset, spec.split)
    copies = {row for row in rows if (sealed.features == dataset.features[row]).all(axis=1).any()}
    duplicated = {row for row in copies if (dataset.features == dataset.features[row]).all(axis=1).sum() > 1}
    assert copies <= duplicated
    assert {each["row"] for each in client.get(f"/experiments/{id_}/errors").json()["items"]} <= rows


def test_an_export_has_one_page_of_rows_in_memory_at_a_time(
    client: TestClient, app: FastAPI, fake_worker: FakeWorker, database: Database
) -> None:
    id_ = fake_worker.submit(dataset={"name": "synthetic", "counts": [9000, 1000], "features": 2})
    fake_worker.claim()
    n = 2500
    predictions = RowPredictions.of(np.zeros(n, np.int64), np.zeros(n), np.ones(n), 2)
    results = RowResults.of(predictions, np.arange(n), np.zeros(n, np.int64), 2)
    save(fake_worker, database, id_, 0, results)
    sizes: list[int] = []
    read_page = RowReader.page

    def page(self: RowReader, start: Any, limit: int) -> Any:
        found = read_page(self, start, limit)
        sizes.append(sum(len(each.indices) for each in found.stretches))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowReader, "page", page)
        assert len(client.get(f"/experiments/{id_}/predictions?format=csv").text.splitlines()) == n + 1
    assert sizes == [1000, 1000, 500]
