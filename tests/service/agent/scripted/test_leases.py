"""Leases that the agent renews, and those that it has lost."""

import time

import pytest
from sqlalchemy import update

from service.agent.agent import Agent
from service.store import queue
from service.store.engine.clock import now
from service.store.tables import Run
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
