"""The linear model with real worker processes: killed while it is solved, out of memory, and of a cross-validation
whose runs choose a threshold.
"""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from service.agent.agent import Agent
from service.settings import Settings
from service.store import model_reader, row_results_reader
from service.store.tables import Checkpoint as StoredCheckpoint
from service.store.tables import EpochMetrics
from tests.harness import Harness
from tests.service.agent.threads import Start, agents_in_threads
from workers.checkpoint import Checkpoint
from workers.data.splits import Fold
from workers.randomness import run_seed
from workers.spec import ExperimentSpec
from workers.training import Trainer

SLOW = {
    "dataset": {"name": "synthetic", "counts": [6_000] * 8, "features": 200, "separation": 0.3},
    "model": "linear",
}
"""A spec whose solver makes passes over tens of thousands of rows for seconds."""
LIMIT = 20_000_000
"""Too little memory for its solver, enough for one of iris."""


@pytest.fixture
def start(harness: Harness, settings: Settings) -> Iterator[Start]:
    """Start an agent in a thread, with changed settings; it is stopped at the end."""
    with agents_in_threads(harness, settings) as (start, _):
        yield start


def kill(agent: Agent) -> None:
    for child in list(agent.pool._children.values()):
        assert child.process.pid is not None
        os.kill(child.process.pid, signal.SIGKILL)


def stored_states(harness: Harness) -> list[dict[str, Any]]:
    """The state of the solver in each stored checkpoint."""
    with harness.database.read() as connection:
        rows = connection.execute(select(StoredCheckpoint).where(StoredCheckpoint.kind == "newest")).all()
    return [Checkpoint.from_bytes(row.content).state["solver"] for row in rows]


@pytest.mark.thorough  # tests/workers/test_linear_training.py resumes the solver, and test_processes.py kills workers
def test_a_killed_run_resumes_to_the_same_figures(harness: Harness, start: Start) -> None:
    agent = start(checkpoint_seconds=0.05)
    id_ = harness.submit(SLOW)
    harness.wait(id_, lambda _: any("rounds" in state for state in stored_states(harness)))
    kill(agent)
    assert harness.wait_for_end(id_).status == "succeeded"
    run = harness.run(id_)
    assert (run.deaths, run.attempt) == (1, 2)
    assert harness.figures(run) == harness.undisturbed(SLOW)


def test_a_solver_that_allocates_too_much_fails_its_run(harness: Harness, start: Start) -> None:
    start(worker_memory_bytes=LIMIT)
    id_ = harness.submit(SLOW)
    assert harness.wait_for_end(id_).status == "failed"
    run = harness.run(id_)
    assert (run.cause, run.message) == ("out_of_memory", f"a worker process may allocate {LIMIT:,} bytes")
    modest = harness.submit({"dataset": "iris", "model": "linear"})
    assert harness.wait_for_end(modest).status == "succeeded"


def test_a_threshold_of_a_linear_model_in_a_cross_validation(harness: Harness, start: Start) -> None:
    """Each run solves, chooses its threshold on its validation rows, and is measured on the rows of its fold."""
    start()
    spec = {
        "dataset": {"name": "synthetic", "counts": [300, 60], "features": 4, "separation": 1.0},
        "model": "linear",
        "prediction": {"name": "threshold", "maximise": "f1"},
        "split": {"name": "cross_validation", "folds": 3, "repeats": 2},
    }
    id_ = harness.submit(spec)
    assert harness.wait_for_end(id_).status == "succeeded"
    resolved = ExperimentSpec.model_validate(harness.experiment(id_).spec)
    thresholds = set()
    for run in harness.runs(id_):
        parts = harness.registry.prepare_split(resolved.dataset, resolved.split, Fold(run.repeat, run.fold))
        seed = run_seed(run.seed, run.repeat, run.fold)
        trainer = Trainer(resolved, parts.read("train"), parts.read("validation"), seed=seed)
        list(trainer.epochs())
        with harness.database.read() as connection:
            stored = model_reader.content(connection, run.id)
            results = row_results_reader.contents(connection, [run.id])[run.id]
            mine = (EpochMetrics.run_id == run.id, EpochMetrics.split == "evaluation")
            measured = connection.execute(select(EpochMetrics).where(*mine)).one()
        assert isinstance(stored, bytes)
        assert stored == trainer.model().to_bytes()
        thresholds.add(Checkpoint.from_bytes(stored).arrays["prediction.threshold"].item())
        evaluation, expected = trainer.evaluate_selected(parts.read("evaluation"), parts.rows("evaluation"))
        assert (results, measured.accuracy) == (expected.to_bytes(), evaluation.accuracy)
    assert len(thresholds) > 1
