"""When the agent reports, and what of a worker's words is in the tables then."""

import time

import pytest

from service.agent import agent as module
from service.agent.agent import Agent
from service.settings import Settings
from service.store.database import Database
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import checkpoints_of, epochs_of, say, start
from workers.evaluation.baselines import Baseline
from workers.evaluation.intervals import Interval
from workers.processes.process import BaselinesFitted, CheckpointTaken, Failed, Succeeded


def test_what_a_worker_says_is_written_and_said_no_more(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    linear = Baseline("linear", 0.9, 0.8, Interval(0.7, 0.95, level=0.95))
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2, best=2), BaselinesFitted((linear,)))
    assert epochs_of(harness, id_) == [(0, 1), (0, 2)]
    assert checkpoints_of(harness, lease.run_id) == [("newest", 1, b"one")]
    assert harness.experiment(id_).baselines[0]["name"] == "linear"
    run = harness.run(id_)
    assert (run.epoch, run.best_epoch, run.training_seconds) == (2, 2, 1.0)
    assert agent.held[lease].outbox == []
    assert pool.forgotten == []
    agent.report()
    assert epochs_of(harness, id_) == [(0, 1), (0, 2)]


def test_a_success_frees_its_place(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), Succeeded(1, b"model"))
    run = harness.run(id_)
    assert (run.status, run.cause) == ("succeeded", None)
    assert checkpoints_of(harness, lease.run_id) == [("model", 1, b"model")]
    assert (agent.held, pool.forgotten, pool.orders) == ({}, [], [])


def test_a_failure_is_written_with_its_cause(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    say(agent, start(agent), epoch(1), Failed("diverged", "epoch 2: NaN"))
    run = harness.run(id_)
    assert (run.status, run.cause, run.message) == ("failed", "diverged", "epoch 2: NaN")
    assert epochs_of(harness, id_) == [(0, 1)]


def test_of_checkpoints_that_wait_only_the_newest_is_kept(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    old, new = CheckpointTaken(1, 1, b"one"), CheckpointTaken(2, 1, b"two")
    pool.say(lease, epoch(1), old, epoch(2), new)
    agent.listen(0)
    assert [type(word).__name__ for word in agent.held[lease].outbox] == [
        "EpochEnded",
        "EpochEnded",
        "CheckpointTaken",
    ]
    assert agent.held[lease].outbox[-1] is new


def test_when_too_much_is_unwritten_nobody_is_listened_to(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    monkeypatch.setattr(module, "MOST_UNWRITTEN", 2)
    pool.say(lease, epoch(1), epoch(2))
    agent.listen(0)
    pool.say(lease, epoch(3))
    started = time.monotonic()
    agent.listen(0.05)
    assert time.monotonic() - started >= 0.05
    assert len(agent.held[lease].outbox) == 2
    agent.report()
    agent.listen(0)
    assert len(agent.held[lease].outbox) == 1


def test_it_reports_at_once_when_rung_soon_when_words_wait_and_each_second_anyway(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    agent.tick()
    assert pool.timeouts.pop() == 0.0  # it had never reported
    reported_at = agent.reported_at
    agent.tick()
    assert 0.05 < pool.timeouts.pop() <= agent.settings.poll_seconds
    assert agent.reported_at == reported_at
    pool.say(lease, epoch(1))
    agent.listen(0)
    agent.reported_at = time.monotonic() - 0.05
    agent.tick()
    assert 0.03 < pool.timeouts.pop() <= 0.05
    assert agent.held[lease].outbox
    agent.reported_at = time.monotonic() - 0.2
    agent.tick()
    assert pool.timeouts.pop() == 0.0
    assert not agent.held[lease].outbox
    agent.wake()
    assert (agent.reported_at, pool.rung) == (0.0, 2)
    agent.tick()
    assert agent.reported_at > reported_at


def test_when_every_process_is_busy_it_listens_until_the_next_report(
    harness: Harness, settings: Settings, pool: ScriptedPool
) -> None:
    agent = Agent(harness.database, harness.registry, settings.model_copy(update={"workers": 1}), pool)
    harness.submit(IRIS | {"seeds": [0, 1]})
    start(agent)
    agent.report()
    agent.tick()
    assert pool.timeouts.pop() == pytest.approx(1.0, abs=0.05)
    assert len(agent.held) == 1


def test_what_a_report_has_replaced_is_tidied_away_after_it(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied: list[Database] = []
    monkeypatch.setattr(agent.artifacts, "tidy", tidied.append)
    agent.report()
    assert tidied == [harness.database]


def test_an_end_is_written_at_once_and_epochs_may_wait(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    agent.report()
    pool.say(lease, epoch(1))
    agent.listen(0)
    assert 0 < agent._pause() <= module.SHORTEST_PAUSE_SECONDS
    pool.say(lease, Succeeded(1, b"model"))
    agent.listen(0)
    assert agent._pause() == 0
    agent.tick()
    assert harness.run(id_).status == "succeeded"


def test_an_end_that_cannot_be_stored_is_tried_again_no_faster_than_an_epoch(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("service.store.epoch_writer.save_model", full)
        say(agent, lease, epoch(1), Succeeded(1, b"model"))
        assert harness.run(id_).status == "running"
        assert agent._pause() > 0
    agent.report()
    assert harness.run(id_).status == "succeeded"


def test_an_end_is_told_once_it_is_stored_and_nothing_else_is(
    harness: Harness, settings: Settings, pool: ScriptedPool
) -> None:
    stored: list[str] = []

    def look() -> None:
        stored.append(harness.run(experiment).status)

    agent = Agent(harness.database, harness.registry, settings, pool, on_end=look)
    experiment = harness.submit(IRIS)
    lease = start(agent)
    say(agent, lease, epoch(1))
    assert not stored
    say(agent, lease, Failed("error", "as it was to be"))
    agent.report()
    assert stored == ["failed"]


def test_any_seed_supplies_the_baselines_and_later_ones_are_told_that_they_are_there(
    agent: Agent, harness: Harness, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    first, second = start(agent), start(agent)
    say(agent, first, Failed("diverged", "epoch 1"))
    assert harness.experiment(id_).baselines is None
    fitted, late = (Baseline("linear", accuracy, 0.8, None) for accuracy in (0.9, 0.1))
    say(agent, second, epoch(1), BaselinesFitted((fitted,)))
    say(agent, second, BaselinesFitted((late,)))
    assert [each["accuracy"] for each in harness.experiment(id_).baselines] == [0.9]
    third = start(agent)
    told = [pool.started[lease].has_baselines for lease in (first, second, third)]
    assert told == [False, False, True]
