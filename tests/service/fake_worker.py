"""A fake in place of the agent and its workers: it stores what they would, through the same functions."""

from typing import Any

import numpy as np
from httpx2 import Client
from sqlalchemy import select

from service.store import queue
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.queue import Lease
from service.store.tables import Run
from tests.service.stored_runs import record_epochs, save_model
from workers.evaluation.evaluation import Evaluation, evaluate
from workers.evaluation.row_results import RowPredictions, RowResults
from workers.nn.arrays import Integers
from workers.nn.losses import CrossEntropy
from workers.processes.failure_causes import Cause
from workers.processes.messages import Succeeded
from workers.training import Epoch

Matrix = list[list[int]]

CONFUSION: Matrix = [[170, 10], [5, 15]]
"""A confusion matrix of 200 rows; one in ten is of the second class."""


def rows_of(confusion: Matrix) -> tuple[Integers, Integers]:
    """Labels and predictions with this confusion matrix, rows true."""
    counts = np.array(confusion)
    labels, predictions = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    return labels, predictions


def evaluation(confusion: Matrix, *, distribution: bool = True) -> Evaluation:
    """The evaluation of a model whose predictions give this confusion matrix, rows true."""
    labels, predictions = rows_of(confusion)
    logits = 4 * np.eye(len(confusion))[predictions]
    losses, _ = CrossEntropy()(logits, labels)
    return evaluate(logits, labels, losses=losses, distribution=distribution)


class FakeWorker:
    """Submits experiments by HTTP, claims their runs, and stores epochs and ends that a test chooses."""

    def __init__(self, client: Client, database: Database) -> None:
        self.client, self.database = client, database
        self.leases: dict[tuple[int, int], Lease] = {}

    def submit(self, **spec: Any) -> int:
        """Submit an experiment, and return its id. By default its data have two classes, of 900 and 100 rows."""
        dataset = {"name": "synthetic", "counts": [900, 100], "features": 2}
        response = self.client.post("/experiments", json={"dataset": dataset} | spec)
        assert response.status_code == 202, response.text
        return int(response.json()["id"])

    def read(self, experiment_id: int) -> dict[str, Any]:
        """GET the experiment."""
        response = self.client.get(f"/experiments/{experiment_id}")
        assert response.status_code == 200, response.text
        experiment: dict[str, Any] = response.json()
        return experiment

    def claim(self) -> tuple[int, int]:
        """Claim the next run, and return its experiment and its seed."""
        with self.database.write() as connection:
            claim = queue.claim(connection, agent="fake worker", lease_seconds=60, max_deaths=3)
            assert claim is not None, "the queue is empty"
            epoch_writer.rewind(connection, claim.lease.run_id)
        self.leases[claim.experiment_id, claim.seed] = claim.lease
        return claim.experiment_id, claim.seed

    def epoch(
        self,
        experiment_id: int,
        number: int,
        validation: Matrix,
        *,
        train: Matrix | None = None,
        seed: int = 0,
        best_epoch: int | None = None,
        distribution: bool = True,
        gradient_norm: float = 0.5,
        run_id: int | None = None,
    ) -> None:
        """Store one epoch of a run. It is the best one so far unless `best_epoch` names another.

        run_id: of the run, where the seed does not name it.
        """
        training = evaluation(train or validation, distribution=distribution)
        epoch = Epoch(
            number=number,
            training=training,
            validation=evaluation(validation, distribution=distribution),
            drawn=2 * training.confusion.sum(axis=1),
            learning_rate=0.001,
            gradient_norm=gradient_norm,
            best_epoch=best_epoch or number,
            seconds=2.0,
        )
        with self.database.write() as connection:
            if run_id is None:
                mine = (Run.experiment_id == experiment_id, Run.seed == seed)
                run_id = connection.scalars(select(Run.id).where(*mine)).one()
            record_epochs(connection, run_id, [epoch])

    def save_rows(self, experiment_id: int, validation: Matrix, *, seed: int = 0) -> RowResults:
        """Store row-level results of a run that was claimed, with predictions that give this confusion matrix."""
        labels, predictions = rows_of(validation)
        classes = len(validation)
        generator = np.random.default_rng(0)
        negative_log_p = np.where(labels == predictions, 0.1, 1.0 + generator.random(len(labels)))
        confidence = np.where(labels == predictions, np.exp(-0.1), 0.5)
        predicted = RowPredictions.of(predictions, negative_log_p, confidence, classes)
        results = RowResults.of(predicted, 3 * np.arange(len(labels)), labels, classes)
        run_id, artifacts = self.leases[experiment_id, seed].run_id, ArtifactStore("unused")
        with self.database.write() as connection:
            ended = Succeeded(1, b"model", results.to_bytes())
            save_model(connection, artifacts, run_id, ended)
        return results

    def finish(self, experiment_id: int, status: str, *, seed: int = 0, cause: Cause | None = None) -> None:
        """End a run that was claimed."""
        with self.database.write() as connection:
            assert queue.finish(connection, self.leases[experiment_id, seed], status, cause=cause)
