"""The agent stores the intervals of an experiment that has ended. With real worker processes."""

import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from service.agent.agent import Agent
from service.experiments import interval_writer as module
from service.experiments.interval_writer import IntervalWriter
from service.experiments.intervals import IntervalService
from service.experiments.row_results import RowResultsLoader
from service.settings import Settings
from service.store.artifacts.artifact_store import ArtifactStore
from tests.harness import IRIS, Harness
from workers.evaluation.metrics import FROM_CONFUSION


@pytest.fixture
def writer(harness: Harness, settings: Settings) -> Iterator[IntervalWriter]:
    loader = RowResultsLoader(harness.database, ArtifactStore(settings.artifacts_url))
    writer = IntervalWriter(IntervalService(harness.database, loader))
    yield writer
    writer.close()


def test_they_are_stored_soon_after_the_end(
    harness: Harness, settings: Settings, writer: IntervalWriter
) -> None:
    one_process = settings.model_copy(update={"workers": 1})
    agent = Agent(harness.database, harness.registry, one_process, on_end=writer.runs_ended)
    agent.start()
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    harness.wait(id_, lambda _: harness.experiment(id_).intervals)
    agent.stop()
    assert harness.experiment(id_).status == "succeeded"
    intervals = harness.experiment(id_).intervals
    assert set(intervals["metrics"]) >= {metric.name for metric in FROM_CONFUSION}
    assert len(intervals["classes"]) == 3


def test_a_failure_is_logged(
    writer: IntervalWriter, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(experiment_id: int) -> None:
        raise ArithmeticError("as the test wants it")

    monkeypatch.setattr(writer._intervals, "store", fail)
    with caplog.at_level(logging.WARNING, "holdout.intervals"):
        writer.runs_ended({7})
        writer._thread.submit(int).result()
    assert "the intervals of experiment 7 are not stored: as the test wants it" in caplog.text


def test_they_wait_while_all_processes_train_but_not_for_ever(
    harness: Harness, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    stored: list[int] = []
    training = [True]
    service = SimpleNamespace(store=stored.append)
    writer = IntervalWriter(service, lambda: training[0])  # type: ignore[arg-type]
    writer.runs_ended({1})
    time.sleep(0.1)
    assert stored == []
    training[0] = False
    writer._thread.submit(int).result()
    assert stored == [1]
    training[0] = True
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    writer.runs_ended({2})
    writer._thread.submit(int).result()
    assert stored == [1, 2]
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 60)
    writer.runs_ended({3})
    writer.close()
    assert stored == [1, 2]
