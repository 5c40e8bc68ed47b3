"""When the agent flushes, and which events of a worker are in the tables then."""

import time
from collections.abc import Collection
from concurrent.futures import Future

import pytest

from service.agent import agent as module
from service.agent.agent import Agent
from service.settings import Settings
from service.store.database import Database
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import FIGURES, ScriptedPool, epoch
from tests.service.agent.scripted.script import checkpoints_of, epochs_of, metrics_of, send, start
from workers.evaluation.baselines import Baseline
from workers.evaluation.intervals import Interval
from workers.processes.messages import ArtifactReference, BaselinesFitted, CheckpointTaken, Failed, Succeeded


def test_an_event_is_written_once(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    linear = Baseline("linear", 0.9, 0.8, Interval(0.7, 0.95, level=0.95))
    send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2, best=2), BaselinesFitted((linear,)))
    assert epochs_of(harness, id_) == [(0, 1), (0, 2)]
    assert checkpoints_of(harness, lease.run_id) == [("newest", 1, b"one")]
    assert harness.experiment(id_).baselines[0]["name"] == "linear"
    run = harness.run(id_)
    assert (run.epoch, run.best_epoch, run.training_seconds) == (2, 2, 1.0)
    assert agent.runs[lease].pending == []
    assert pool.discarded == []
    agent.flush()
    assert epochs_of(harness, id_) == [(0, 1), (0, 2)]


def test_a_success_frees_its_process(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), Succeeded(1, b"model", b"rows"))
    run = harness.run(id_)
    assert (run.status, run.cause) == ("succeeded", None)
    stored = [("model", 1, b"model"), ("row_results", 1, b"rows")]
    assert sorted(checkpoints_of(harness, lease.run_id)) == stored
    assert (agent.runs, pool.discarded, pool.commands) == ({}, [], [])


def test_a_failure_is_written_with_its_cause(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    send(agent, start(agent), epoch(1), Failed("diverged", "epoch 2: NaN"))
    run = harness.run(id_)
    assert (run.status, run.cause, run.message) == ("failed", "diverged", "epoch 2: NaN")
    assert epochs_of(harness, id_) == [(0, 1)]


def test_of_pending_checkpoints_only_the_newest_stays(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    old, new = CheckpointTaken(1, 1, b"one"), CheckpointTaken(2, 1, b"two")
    pool.add(lease, epoch(1), old, epoch(2), new)
    agent.receive_events(0)
    assert [type(event).__name__ for event in agent.runs[lease].pending] == [
        "EpochsEnded",
        "EpochsEnded",
        "CheckpointTaken",
    ]
    assert agent.runs[lease].pending[-1] is new


def test_at_the_limit_of_pending_events_nothing_is_received(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    pool.add(lease, epoch(1), epoch(2))
    agent.receive_events(0)
    pool.add(lease, epoch(3))
    started = time.monotonic()
    agent.receive_events(0.05)
    assert time.monotonic() - started >= 0.05
    assert len(agent.runs[lease].pending) == 2
    agent.flush()
    agent.receive_events(0)
    assert len(agent.runs[lease].pending) == 1


def test_it_flushes_at_once_when_woken_soon_when_events_wait_and_each_second_anyway(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    agent.tick()
    assert pool.timeouts.pop() == 0.0  # it had never flushed
    flushed_at = agent.flushed_at
    agent.tick()
    assert 0.05 < pool.timeouts.pop() <= agent.settings.poll_seconds
    assert agent.flushed_at == flushed_at
    pool.add(lease, epoch(1))
    agent.receive_events(0)
    agent.tick()
    assert pool.timeouts.pop() == 0.0  # the first epoch is shown at once
    pool.add(lease, epoch(2))
    agent.receive_events(0)
    agent.flushed_at = time.monotonic() - 0.05
    agent.tick()
    assert 0.03 < pool.timeouts.pop() <= 0.05
    assert agent.runs[lease].pending
    agent.flushed_at = time.monotonic() - 0.2
    agent.tick()
    assert pool.timeouts.pop() == 0.0
    assert not agent.runs[lease].pending
    agent.wake()
    assert (agent.flushed_at, pool.woken) == (0.0, 2)
    agent.tick()
    assert agent.flushed_at > flushed_at


def test_when_every_process_is_busy_it_waits_until_the_next_flush(
    harness: Harness, settings: Settings, pool: ScriptedPool
) -> None:
    agent = Agent(harness.database, harness.registry, settings.model_copy(update={"workers": 1}), pool)
    harness.submit(IRIS | {"seeds": [0, 1]})
    start(agent)
    agent.flush()
    agent.tick()
    assert pool.timeouts.pop() == pytest.approx(1.0, abs=0.05)
    assert len(agent.runs) == 1


def test_replaced_artifacts_are_removed_after_a_flush(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[Database] = []
    monkeypatch.setattr(agent.artifacts, "collect_garbage", collected.append)
    agent.flush()
    assert collected == [harness.database]


def test_an_end_is_written_at_once_and_epochs_may_wait(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1))
    pool.add(lease, epoch(2))
    agent.receive_events(0)
    assert 0 < agent._receive_timeout() <= module.MIN_FLUSH_INTERVAL_SECONDS
    pool.add(lease, Succeeded(1, b"model"))
    agent.receive_events(0)
    assert agent._receive_timeout() == 0
    agent.tick()
    assert harness.run(id_).status == "succeeded"


def test_an_end_that_waits_for_its_upload_does_not_hurry_the_agent(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    upload: Future[ArtifactReference] = Future()
    send(agent, lease, epoch(1), Succeeded(1, upload))
    assert harness.run(id_).status == "running"
    assert agent._receive_timeout() > 0
    upload.set_result(agent.artifacts.save(b"model"))
    assert agent._receive_timeout() == 0
    agent.flush()
    assert harness.run(id_).status == "succeeded"


def test_on_end_is_called_once_an_end_is_stored(
    harness: Harness, settings: Settings, pool: ScriptedPool
) -> None:
    stored: list[str] = []

    def on_end(experiment_ids: Collection[int]) -> None:
        stored.extend(harness.run(id_).status for id_ in experiment_ids)

    agent = Agent(harness.database, harness.registry, settings, pool, on_end=on_end)
    harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1))
    assert not stored
    send(agent, lease, Failed("error", "as the test wants it"))
    agent.flush()
    assert stored == ["failed"]


def test_any_seed_supplies_the_baselines_and_later_ones_do_not_fit_them(
    agent: Agent, harness: Harness, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    first, second = start(agent), start(agent)
    send(agent, first, Failed("diverged", "epoch 1"))
    assert harness.experiment(id_).baselines is None
    fitted, late = (Baseline("linear", accuracy, 0.8, None) for accuracy in (0.9, 0.1))
    send(agent, second, epoch(1), BaselinesFitted((fitted,)))
    send(agent, second, BaselinesFitted((late,)))
    assert [each["accuracy"] for each in harness.experiment(id_).baselines] == [0.9]
    third = start(agent)
    stored = [pool.started[lease].has_baselines for lease in (first, second, third)]
    assert stored == [False, False, True]


def test_a_fold_stores_its_own_baselines_and_its_figures_at_the_selected_epoch(
    agent: Agent, harness: Harness
) -> None:
    id_ = harness.submit(IRIS | {"split": {"name": "cross_validation", "folds": 2}})
    first, _ = start(agent), start(agent)
    linear = Baseline("linear", 0.9, 0.8, None)
    success = Succeeded(1, b"model", b"rows", FIGURES)
    send(agent, first, epoch(1), BaselinesFitted((linear,)), epoch(2), success)
    finished, other = harness.runs(id_)
    assert (finished.status, other.status) == ("succeeded", "running")
    assert ([each["name"] for each in finished.baselines], other.baselines) == (["linear"], None)
    assert harness.experiment(id_).baselines is None
    stored = metrics_of(harness, first.run_id)
    assert [(row.split, row.epoch) for row in stored if row.epoch == 1] == [
        ("evaluation", 1),
        ("train", 1),
        ("validation", 1),
    ]
    assert [row.epoch for row in stored if row.split == "evaluation"] == [1]
    assert stored[0].accuracy == FIGURES.metrics["accuracy"]
