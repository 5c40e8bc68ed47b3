"""Every metric of the registry is stored and returned, in every form, without a line that names it."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from service.store.database import Database
from service.store.tables import EpochMetrics
from tests.service.fake_worker import FakeWorker, evaluation
from workers.evaluation.metrics import METRICS, SUMMARISED, Metric

AnyMetric = Metric[Any, Any]
CLASSES = 6
FIRST, SECOND = (np.diag([90, 40, 30, 20, 10, 5]) + wrong for wrong in (1, 2 * np.tri(CLASSES, dtype=int)))

every_metric = pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])
every_summarised_metric = pytest.mark.parametrize(
    "metric", SUMMARISED, ids=[metric.name for metric in SUMMARISED]
)
every_metric_that_older_epochs_may_lack = pytest.mark.parametrize(
    "metric",
    [metric for metric in METRICS if not metric.always_stored],
    ids=[metric.name for metric in METRICS if not metric.always_stored],
)


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


def expected(metric: AnyMetric) -> list[float | None]:
    """Of each seed."""
    return [evaluation(matrix.tolist()).metrics[metric.name] for matrix in (FIRST, SECOND)]


def rows(client: TestClient, experiment: int, **query: Any) -> list[dict[str, Any]]:
    response = client.get(f"/experiments/{experiment}/metrics", params={"split": "validation"} | query)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


@every_metric
def test_it_is_a_field_of_each_epoch(client: TestClient, experiment: int, metric: AnyMetric) -> None:
    assert [row[metric.name] for row in rows(client, experiment)] == pytest.approx(expected(metric))


@every_metric
def test_it_is_a_column_of_csv_and_a_field_of_json_lines(
    client: TestClient, experiment: int, metric: AnyMetric
) -> None:
    path = f"/experiments/{experiment}/metrics"
    table = client.get(path, params={"format": "csv", "split": "validation"}).text
    column = [float(row[metric.name]) for row in csv.DictReader(io.StringIO(table))]
    lines = client.get(path, params={"format": "ndjson", "split": "validation"}).text.splitlines()
    assert column == [json.loads(line)[metric.name] for line in lines] == pytest.approx(expected(metric))


@every_metric
def test_thinned_curves_can_keep_its_extremes(client: TestClient, experiment: int, metric: AnyMetric) -> None:
    assert len(rows(client, experiment, max_points=4, metric=metric.name)) == 2


@every_summarised_metric
def test_it_is_in_the_summary_of_each_seed_and_over_the_seeds(
    fake_worker: FakeWorker, experiment: int, metric: AnyMetric
) -> None:
    summary = fake_worker.read(experiment)["summary"]
    values = [seed[metric.name] for seed in summary["seeds"]]
    assert values == pytest.approx(expected(metric))
    assert summary["metrics"][metric.name]["mean"] == pytest.approx(sum(values) / 2)


@every_summarised_metric
def test_it_compares_experiments(client: TestClient, experiment: int, metric: AnyMetric) -> None:
    other = client.post("/experiments", json=client.get(f"/experiments/{experiment}").json()["spec"]).json()
    response = client.get(
        "/comparisons", params={"ids": f"{experiment},{other['id']}", "metric": metric.name}
    )
    assert response.status_code == 200, response.text
    assert (response.json()["metric"], response.json()["direction"]) == (metric.name, metric.direction)


@every_metric
def test_it_selects_epochs_or_is_refused_with_its_reason(client: TestClient, metric: AnyMetric) -> None:
    spec = {"dataset": "digits", "training": {"early_stopping": {"metric": metric.name}}}
    response = client.post("/experiments/validate", json=spec)
    if metric in SUMMARISED and metric.selects_nothing is None:
        assert response.status_code == 200, response.text
    else:
        assert response.status_code == 422
        assert (metric.selects_nothing or "") in response.text or metric not in SUMMARISED


@every_summarised_metric
def test_the_catalogue_documents_it(client: TestClient, metric: AnyMetric) -> None:
    listed = {each["name"]: each for each in client.get("/catalog").json()["selection_metrics"]}
    better = {"max": "larger is better", "min": "smaller is better"}[metric.direction]
    assert better in listed[metric.name]["summary"]


@every_metric_that_older_epochs_may_lack
def test_it_is_null_in_epochs_that_were_stored_before_it(
    client: TestClient, fake_worker: FakeWorker, database: Database, experiment: int, metric: AnyMetric
) -> None:
    with database.write() as connection:
        connection.execute(update(EpochMetrics).values({metric.name: None}))
    assert [row[metric.name] for row in rows(client, experiment)] == [None, None]
    table = client.get(f"/experiments/{experiment}/metrics?format=csv").text
    assert {row[metric.name] for row in csv.DictReader(io.StringIO(table))} == {""}
    if metric in SUMMARISED:
        summary = fake_worker.read(experiment)["summary"]
        assert [seed[metric.name] for seed in summary["seeds"]] == [None, None]
        assert summary["metrics"][metric.name] is None
