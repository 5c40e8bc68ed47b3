"""A cross-validation with real worker processes: each run trains, selects and evaluates on the rows of its fold."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Row, select

from service.agent.agent import Agent
from service.settings import Settings
from service.store import row_results_reader
from service.store.tables import EpochMetrics
from tests.harness import IRIS, Harness
from tests.slow_runs import long_spec
from workers.data.splits import Fold
from workers.evaluation.row_results import RowResults
from workers.randomness import run_seed
from workers.spec import ExperimentSpec
from workers.training import Trainer

SPLIT = {"split": {"name": "cross_validation", "folds": 3, "repeats": 2}}


@pytest.fixture
def agent(harness: Harness, settings: Settings) -> Iterator[Agent]:
    agent = Agent(harness.database, harness.registry, settings.model_copy(update={"checkpoint_seconds": 0.2}))
    agent.start()
    yield agent
    agent.stop()


def stored(harness: Harness, run: Row[Any]) -> dict[tuple[int, str], tuple[int, float, float]]:
    """Rows, loss and balanced accuracy of each stored part of a run."""
    with harness.database.read() as connection:
        rows = connection.execute(select(EpochMetrics).where(EpochMetrics.run_id == run.id)).all()
    return {(row.epoch, row.split): (row.rows, row.loss, row.balanced_accuracy) for row in rows}


def results_of(harness: Harness, run: Row[Any]) -> RowResults:
    with harness.database.read() as connection:
        content = row_results_reader.contents(connection, [run.id])[run.id]
    assert isinstance(content, bytes)
    return RowResults.from_bytes(content)


def require_right_figures(harness: Harness, id_: int) -> None:
    """Compare every stored run with its training in this process."""
    spec = ExperimentSpec.model_validate(harness.experiment(id_).spec)
    for run in harness.runs(id_):
        parts = harness.registry.prepare_split(spec.dataset, spec.split, Fold(run.repeat, run.fold))
        seed = run_seed(run.seed, run.repeat, run.fold)
        trainer = Trainer(spec, parts.read("train"), parts.read("validation"), seed=seed)
        expected = {
            (epoch.number, split): (figures.rows, figures.loss, figures.balanced_accuracy)
            for epoch in trainer.epochs()
            for split, figures in (("train", epoch.training), ("validation", epoch.validation))
        }
        evaluation, results = trainer.evaluate_selected(parts.read("evaluation"), parts.rows("evaluation"))
        key = (trainer.best.epoch, "evaluation")
        expected[key] = (evaluation.rows, evaluation.loss, evaluation.balanced_accuracy)  # type: ignore[index]
        assert stored(harness, run) == expected
        assert np.array_equal(results_of(harness, run).rows, parts.rows("evaluation"))
        assert np.array_equal(results_of(harness, run).predicted, results.predicted)


@pytest.mark.usefixtures("agent")
def test_every_run_is_measured_once_on_the_evaluation_part_of_its_fold(harness: Harness) -> None:
    id_ = harness.submit(IRIS | SPLIT | {"seeds": [0, 3]})
    assert harness.wait_for_end(id_).status == "succeeded"
    runs = harness.runs(id_)
    assert [(run.repeat, run.fold, run.seed) for run in runs] == [
        (repeat, fold, seed) for repeat in (0, 1) for fold in (0, 1, 2) for seed in (0, 3)
    ]
    require_right_figures(harness, id_)
    assert harness.experiment(id_).baselines is None
    fitted = {(run.repeat, run.fold) for run in runs if run.baselines}
    assert len(fitted) == 6


def test_a_killed_run_of_a_fold_resumes_to_the_same_figures(harness: Harness, agent: Agent) -> None:
    spec = long_spec() | {"split": {"name": "cross_validation", "folds": 2}}
    id_ = harness.submit(spec)
    harness.wait_for_epoch(id_, 3)
    for child in list(agent.pool._children.values()):
        assert child.process.pid is not None
        os.kill(child.process.pid, signal.SIGKILL)
    assert harness.wait_for_end(id_).status == "succeeded"
    assert max(run.attempt for run in harness.runs(id_)) == 2
    require_right_figures(harness, id_)
