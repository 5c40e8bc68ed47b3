"""Experiments that have ended with chosen figures, to be compared."""

from collections.abc import Sequence
from typing import Any

from fastapi.testclient import TestClient

from service.store.epochs import epoch_writer
from service.store.epochs.epoch_writer import Measured
from tests.service.fake_worker import FakeWorker, Matrix, evaluation
from tests.service.stored_runs import record_epochs
from workers.training import Epoch

Scores = dict[int, int]
"""By seed: how many of the 20 rows of the small validation class are recognised."""


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
                record_epochs(connection, lease.run_id, [epoch])
                epoch_writer.record_evaluations(connection, [Measured(lease.run_id, 1, measured)])
            fake_worker.finish(id_, "succeeded", seed=claimed)
    return id_


def compare(client: TestClient, *ids: int, **query: Any) -> dict[str, Any]:
    response = client.get("/comparisons", params={"ids": ",".join(map(str, ids)), **query})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def balanced(scores: Sequence[int]) -> list[float]:
    return [(1 + recognised / 20) / 2 for recognised in scores]
