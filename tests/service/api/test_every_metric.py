"""Every metric of the registry is stored and returned, in every form, without a line that names it."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from service.store.database import Database
from service.store.tables import EpochMetrics
from tests.service.fake_worker import FakeWorker, evaluation
from workers.evaluation.metrics import BY_NAME, METRICS, SUMMARISED, Metric

AnyMetric = Metric[Any, Any]
CLASSES = 6
FIRST, SECOND = (np.diag([90, 40, 30, 20, 10, 5]) + wrong for wrong in (1, 2 * np.tri(CLASSES, dtype=int)))

Values = dict[str, list[float | None]]


@pytest.fixture
def experiment(fake_worker: FakeWorker) -> int:
    """Of two seeds, each with one epoch."""
    dataset = {"name": "synthetic", "counts": [100] * CLASSES, "features": 2}
    experiment_id = fake_worker.submit(dataset=dataset, seeds=[0, 1])
    for seed, matrix in enumerate((FIRST, SECOND)):
        fake_worker.claim()
        fake_worker.epoch(experiment_id, 1, matrix.tolist(), seed=seed)
        fake_worker.finish(experiment_id, "succeeded", seed=seed)
    return experiment_id


def expected(metrics: Iterable[AnyMetric] = METRICS) -> Values:
    """Of each seed."""
    figures = [evaluation(matrix.tolist()).metrics for matrix in (FIRST, SECOND)]
    return {metric.name: [each[metric.name] for each in figures] for metric in metrics}


def columns(rows: Iterable[dict[str, Any]], metrics: Iterable[AnyMetric] = METRICS) -> Values:
    """The values of each metric, of rows that have a field for each. Of CSV, they are text."""
    listed = list(rows)
    return {
        metric.name: [float(v) if (v := row[metric.name]) not in (None, "") else None for row in listed]
        for metric in metrics
    }


def require_equal(found: Values, values: Values) -> None:
    assert found.keys() == values.keys()
    for name, each in found.items():
        assert each == pytest.approx(values[name]), name


def rows(client: TestClient, experiment: int, **query: Any) -> list[dict[str, Any]]:
    response = client.get(f"/experiments/{experiment}/metrics", params={"split": "validation"} | query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def test_each_is_a_field_of_each_epoch(client: TestClient, experiment: int) -> None:
    require_equal(columns(rows(client, experiment)), expected())


def test_each_is_a_column_of_csv_and_a_field_of_json_lines(client: TestClient, experiment: int) -> None:
    path = f"/experiments/{experiment}/metrics"
    table = client.get(path, params={"format": "csv", "split": "validation"}).text
    lines = client.get(path, params={"format": "ndjson", "split": "validation"}).text.splitlines()
    of_table = columns(csv.DictReader(io.StringIO(table)))
    assert of_table == columns(map(json.loads, lines))
    require_equal(of_table, expected())


def test_thinned_curves_can_keep_the_extremes_of_each(client: TestClient, experiment: int) -> None:
    kept = [len(rows(client, experiment, max_points=4, metric=metric.name)) for metric in METRICS]
    assert kept == [2] * len(METRICS)


def test_each_is_in_the_summary_of_each_seed_and_over_the_seeds(
    fake_worker: FakeWorker, experiment: int
) -> None:
    summary = fake_worker.read(experiment)["summary"]
    values = columns(summary["seeds"], SUMMARISED)
    require_equal(values, expected(SUMMARISED))
    for name, of_seeds in values.items():
        if "classification" not in BY_NAME[name].tasks:
            assert summary["metrics"][name] is None
            continue
        assert summary["metrics"][name]["mean"] == pytest.approx(sum(v or 0 for v in of_seeds) / 2), name


def test_each_compares_experiments(client: TestClient, experiment: int) -> None:
    other = client.post("/experiments", json=client.get(f"/experiments/{experiment}").json()["spec"]).json()
    for metric in SUMMARISED:
        response = client.get(
            "/comparisons", params={"ids": f"{experiment},{other['id']}", "metric": metric.name}
        )
        assert response.status_code == 200, response.text
        assert (response.json()["metric"], response.json()["direction"]) == (metric.name, metric.direction)


def test_each_selects_epochs_or_is_refused_with_its_reason(client: TestClient) -> None:
    for metric in METRICS:
        dataset = "digits" if "classification" in metric.tasks else "diabetes"
        spec = {"dataset": dataset, "training": {"early_stopping": {"metric": metric.name}}}
        response = client.post("/experiments/validate", json=spec)
        if metric in SUMMARISED and metric.selects_nothing is None:
            assert response.status_code == 200, response.text
        else:
            assert response.status_code == 422, metric.name
            assert (metric.selects_nothing or "") in response.text or metric not in SUMMARISED


def test_the_catalogue_documents_each(client: TestClient) -> None:
    listed = {each["name"]: each for each in client.get("/catalog").json()["selection_metrics"]}
    for metric in SUMMARISED:
        better = {"max": "larger is better", "min": "smaller is better"}[metric.direction]
        assert better in listed[metric.name]["summary"], metric.name


def test_each_is_null_in_epochs_that_were_stored_before_it(
    client: TestClient, fake_worker: FakeWorker, database: Database, experiment: int
) -> None:
    later = [metric for metric in METRICS if not metric.always_stored]
    missing: Values = {metric.name: [None, None] for metric in later}
    with database.write() as connection:
        connection.execute(update(EpochMetrics).values({metric.name: None for metric in later}))
    assert columns(rows(client, experiment), later) == missing
    table = client.get(f"/experiments/{experiment}/metrics?format=csv&split=validation").text
    assert columns(csv.DictReader(io.StringIO(table)), later) == missing
    summary = fake_worker.read(experiment)["summary"]
    for metric in later:
        if metric in SUMMARISED:
            assert [seed[metric.name] for seed in summary["seeds"]] == [None, None], metric.name
            assert summary["metrics"][metric.name] is None, metric.name
