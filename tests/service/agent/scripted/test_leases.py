"""Leases that the agent renews, and those that it has lost."""

import time

import pytest
from sqlalchemy import delete, update

from service.agent.agent import Agent
from service.store import history, queue
from service.store.engine.clock import now
from service.store.tables import EpochClasses, EpochMetrics, Run
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import epochs_of, send, start
from workers.processes.messages import Succeeded


def test_a_flush_renews_the_lease_and_records_the_training_time(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    before = harness.run(id_)
    agent.runs[lease].started_at = time.monotonic() - 20
    agent.flush()
    after = harness.run(id_)
    assert after.lease_until > before.lease_until
    assert 20 <= after.worked_seconds < 25
    agent.pool.discard(lease)
    with harness.database.write() as connection:
        queue.release(connection, lease)
    again = start(agent)
    assert agent.runs[again].worked_seconds >= after.worked_seconds


def test_a_run_that_another_agent_owns_is_dropped_and_its_events_are_not_written(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    lost, owned = start(agent), start(agent)
    with harness.database.write() as connection:
        connection.execute(update(Run).where(Run.id == lost.run_id).values(lease_until=now() - 1))
        taken = queue.claim(connection, agent="other", lease_seconds=60, max_deaths=5)
    assert taken is not None
    pool.add(owned, epoch(1))
    send(agent, lost, epoch(1), Succeeded(1, b"model"))
    assert list(agent.runs) == [owned]
    assert epochs_of(harness, id_) == [(1, 1)]
    run = harness.runs(id_)[0]
    assert (run.status, run.agent, run.attempt) == ("running", "other", 2)


def test_an_agent_drops_a_run_if_the_database_has_forgotten_a_renewal(harness: Harness, agent: Agent) -> None:
    """The database was restored to a copy from before that renewal: epochs that it wrote then are missing."""
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1))
    with harness.database.write() as connection:
        connection.execute(update(Run).values(heartbeat=0, epoch=0))
        connection.execute(delete(EpochMetrics))
        connection.execute(delete(EpochClasses))
    send(agent, lease, epoch(2), Succeeded(1, b"model"))
    assert (epochs_of(harness, id_), agent.runs) == ([], {})
    assert harness.run(id_).status == "running"  # until its lease expires


def test_an_agent_drops_its_runs_if_the_database_has_another_history(
    harness: Harness, agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = harness.submit(IRIS)
    history.begin(harness.database)
    lease = start(agent)
    with harness.database.write() as connection:
        history.forget(connection)
    history.begin(harness.database)
    send(agent, lease, epoch(1), Succeeded(1, b"model"))
    assert (epochs_of(harness, id_), agent.runs) == ([], {})
    assert caplog.messages == [f"run {lease.run_id} no longer belongs to this agent"]


def test_events_are_written_after_a_commit_that_seemed_to_fail(harness: Harness, agent: Agent) -> None:
    """The renewal of that transaction is in the database, and the agent does not know of it."""
    id_ = harness.submit(IRIS)
    lease = start(agent)
    agent.flush()
    before = agent.runs[lease].heartbeat
    agent.flush()
    agent.runs[lease].heartbeat = before
    send(agent, lease, epoch(1))
    assert epochs_of(harness, id_) == [(0, 1)]


def test_the_worker_of_a_lost_run_is_killed(
    harness: Harness, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    with harness.database.write() as connection:
        queue.release(connection, lease)
    agent.flush()
    assert (agent.runs, pool.discarded) == ({}, [lease])
    assert caplog.messages == [f"run {lease.run_id} no longer belongs to this agent"]
    assert harness.run(id_).status == "queued"
