"""The linear baseline and its finding exist however the runs end. With real worker processes."""

import json
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from service.agent.agent import Agent
from service.cli import demo
from service.experiments.intervals import NOT_ENDED
from service.experiments.summary import summarise
from service.schemas.summary import Summary
from service.settings import Settings
from service.store import experiment_reader
from tests.harness import IRIS, Harness
from tests.slow_runs import endless_spec, long_spec
from workers.evaluation.metrics import SUMMARISED

USELESS: dict[str, Any] = {"optimizer": {"name": "sgd", "learning_rate": 1e-9}}
"""A network that learns nothing is worse than a linear model."""


@pytest.fixture
def agent(harness: Harness, settings: Settings) -> Iterator[Agent]:
    """An agent with one process; a run whose worker dies once is lost."""
    agent = Agent(
        harness.database, harness.registry, settings.model_copy(update={"workers": 1, "max_attempts": 1})
    )
    agent.start()
    yield agent
    agent.stop()


def summary_of(harness: Harness, experiment_id: int) -> Summary | None:
    with harness.database.read() as connection:
        return summarise(experiment_reader.find_experiment(connection, experiment_id), NOT_ENDED)


def require_finding(harness: Harness, experiment_id: int) -> None:
    summary = summary_of(harness, experiment_id)
    assert summary is not None
    assert [each.name for each in summary.baselines] == ["majority", "linear"]
    assert "no_better_than_linear" in [each.code for each in summary.findings]


@pytest.mark.usefixtures("agent")
def test_after_a_cancelled_run(harness: Harness) -> None:
    id_ = harness.submit(endless_spec() | USELESS)
    harness.wait_for_epoch(id_, 3)
    harness.cancel(id_)
    assert harness.wait_for_end(id_).status == "cancelled"
    require_finding(harness, id_)


def test_after_the_first_seed_was_lost(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(long_spec() | USELESS | {"seeds": [0, 1]})
    harness.wait_for_epoch(id_, 1)
    for child in list(agent.pool._children.values()):
        assert child.process.pid is not None
        os.kill(child.process.pid, signal.SIGKILL)
    assert harness.wait_for_end(id_).status == "failed"
    first, second = harness.runs(id_)
    assert (first.cause, second.status) == ("lost", "succeeded")
    require_finding(harness, id_)


@pytest.mark.usefixtures("agent")
def test_after_every_run_has_diverged_in_its_first_epoch(harness: Harness) -> None:
    diverging = {"loss": "l2", "optimizer": {"name": "sgd", "learning_rate": 1e30}}
    id_ = harness.submit(IRIS | diverging | {"seeds": [0, 1]})
    experiment = harness.wait_for_end(id_)
    assert [(run.cause, run.epoch) for run in harness.runs(id_)] == [("diverged", 0)] * 2
    assert [each["name"] for each in experiment.baselines] == ["linear"]


@pytest.mark.sampled(1)
@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("change", [{}, {"balancing": "oversample"}], ids=["plain", "balanced"])
def test_the_finding_of_the_demo_gives_what_it_promises_when_it_is_followed(
    harness: Harness, change: dict[str, Any]
) -> None:
    """Submit the spec again with the fields of the remedy: all figures are those of the baseline."""
    focal = demo.SPECS[1] | change | {"seeds": [0], "training": {"epochs": 2}}
    told = finished(harness, focal)
    (finding,) = [each for each in told.findings if each.code == "no_better_than_linear"]
    fields = re.search(r"simpler model: (.*)\.$", finding.remedy)
    assert fields is not None
    remedy = json.loads(f"{{{fields[1]}}}")
    (promised,) = [each for each in told.baselines if each.changes == remedy]
    assert f"the {promised.balanced_accuracy:.3f} of a linear model" in finding.sentence
    (linear,) = (followed := finished(harness, focal | remedy)).seeds
    assert promised.metrics is not None
    for metric in SUMMARISED:
        assert getattr(linear, metric.name) == getattr(promised.metrics, metric.name)
    assert [each.accuracy for each in followed.classes] == [each.accuracy for each in promised.classes]
    assert not {"no_better_than_linear", "still_improving"} & {each.code for each in followed.findings}


def finished(harness: Harness, spec: dict[str, Any]) -> Summary:
    """The summary of a spec, trained."""
    id_ = harness.submit(spec)
    assert harness.wait_for_end(id_).status == "succeeded"
    summary = summary_of(harness, id_)
    assert summary is not None
    return summary
