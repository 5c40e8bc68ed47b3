"""The commands that a worker gets: cancel, timeout and release."""

import time
from typing import Any

import pytest
from sqlalchemy import update

from service.agent import agent as module
from service.agent.agent import Agent
from service.store.tables import Run
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import checkpoints_of, epochs_of, send, start
from workers.processes.messages import CheckpointTaken, Died, Held, Stopped

TIMED = IRIS | {"training": {"epochs": 3, "max_seconds": 50}}


@pytest.mark.parametrize("last", [Stopped("cancel"), Died(-9)])
def test_a_cancelled_run_gets_one_command_and_ends_whether_or_not_it_obeys(
    harness: Harness, agent: Agent, pool: ScriptedPool, last: Any
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    lease, other = start(agent), start(agent)
    harness.cancel(id_)
    agent.flush()
    agent.flush()
    assert pool.commands == [(lease, "cancel"), (other, "cancel")]
    send(agent, lease, epoch(1), last)
    first, second = harness.runs(id_)
    assert (first.status, first.deaths, second.status) == ("cancelled", 0, "running")
    assert epochs_of(harness, id_) == [(0, 1)]
    assert list(agent.runs) == [other]


def test_a_run_that_is_cancelled_before_it_starts_does_not_train(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    assert agent.claim()
    harness.cancel(id_)
    agent.flush()
    agent.start_prepared()
    agent.flush()
    assert (harness.run(id_).status, agent.runs) == ("cancelled", {})
    assert (pool.started, pool.commands) == ({}, [])


def test_a_run_that_is_held_keeps_its_checkpoint_and_waits(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"at the rung"), Held())
    run = harness.run(id_)
    assert (run.status, run.held, run.epoch, run.deaths) == ("queued", True, 1, 0)
    assert checkpoints_of(harness, run.id) == [("newest", 1, b"at the rung")]
    assert (agent.runs, agent.claim()) == ({}, False)


@pytest.mark.parametrize("last", [Stopped("timeout"), Died(-9)])
def test_a_run_that_takes_too_long_fails(
    harness: Harness, agent: Agent, pool: ScriptedPool, last: Any
) -> None:
    id_ = harness.submit(TIMED)
    lease = start(agent)
    agent.runs[lease].started_at = time.monotonic() - 49
    agent.flush()
    assert pool.commands == []
    agent.runs[lease].started_at = time.monotonic() - 51
    agent.flush()
    assert pool.commands == [(lease, "timeout")]
    send(agent, lease, last)
    run = harness.run(id_)
    assert (run.status, run.cause, run.deaths) == ("failed", "timeout", 0)
    assert "longer than the 50 seconds" in run.message


def test_the_time_of_earlier_attempts_counts(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    id_ = harness.submit(TIMED)
    with harness.database.write() as connection:
        connection.execute(update(Run).where(Run.experiment_id == id_).values(worked_seconds=49.0))
    lease = start(agent)
    agent.runs[lease].started_at = time.monotonic() - 2
    agent.flush()
    assert pool.commands == [(lease, "timeout")]


def test_without_a_limit_no_run_takes_too_long(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    harness.submit(IRIS)
    agent.runs[start(agent)].started_at = time.monotonic() - 1e9
    agent.flush()
    assert pool.commands == []


def test_time_spent_on_preparing_does_not_count(harness: Harness, agent: Agent) -> None:
    harness.submit(TIMED)
    assert agent.claim()
    (run,) = agent.runs.values()
    assert run.worked_seconds == 0.0
    assert not run.is_overdue


def test_a_stop_releases_running_runs_and_those_that_are_being_prepared(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    running = start(agent)
    assert agent.claim()
    agent.release_runs()
    assert pool.commands == [(running, "release")]
    assert pool.timeouts == [module.MIN_FLUSH_INTERVAL_SECONDS]
    assert [run.status for run in harness.runs(id_)] == ["running", "queued"]
    pool.add(running, epoch(1), CheckpointTaken(1, 1, b"one"), Stopped("release"))
    agent.release_runs()
    assert pool.commands == [(running, "release")]
    assert [(run.status, run.deaths) for run in harness.runs(id_)] == [("queued", 0), ("queued", 0)]
    assert checkpoints_of(harness, running.run_id) == [("newest", 1, b"one")]
    assert agent.runs == {}


def test_a_worker_that_is_killed_while_it_is_released_counts_no_death(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    agent.release_runs()
    pool.add(lease, Died(-9))
    agent.release_runs()
    assert (harness.run(id_).status, harness.run(id_).deaths) == ("queued", 0)
