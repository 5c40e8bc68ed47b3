"""Leases that the agent extends, and those that it has lost."""

import time

import pytest
from sqlalchemy import update

from service.agent.agent import Agent
from service.store import queue
from service.store.database import now
from service.store.tables import Run
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import epochs_of, say, start
from workers.processes.process import Succeeded


def test_a_report_extends_the_lease_and_notes_the_work(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    before = harness.run(id_)
    agent.held[lease].started_at = time.monotonic() - 20
    agent.report()
    after = harness.run(id_)
    assert after.lease_until > before.lease_until
    assert 20 <= after.worked_seconds < 25
    agent.pool.forget(lease)
    with harness.database.write() as connection:
        queue.release(connection, lease)
    again = start(agent)
    assert agent.held[again].worked_seconds >= after.worked_seconds


def test_a_run_that_is_somebody_elses_is_forgotten_and_nothing_of_it_written(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    lost, kept = start(agent), start(agent)
    with harness.database.write() as connection:
        connection.execute(update(Run).where(Run.id == lost.run_id).values(lease_until=now() - 1))
        taken = queue.claim(connection, agent="other", lease_seconds=60, max_attempts=5)
    assert taken is not None
    pool.say(kept, epoch(1))
    say(agent, lost, epoch(1), Succeeded(1, b"model"))
    assert list(agent.held) == [kept]
    assert epochs_of(harness, id_) == [(1, 1)]
    run = harness.runs(id_)[0]
    assert (run.status, run.agent, run.attempt) == ("running", "other", 2)


def test_a_process_whose_run_is_somebody_elses_is_killed(
    harness: Harness, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    with harness.database.write() as connection:
        queue.release(connection, lease)
    agent.report()
    assert (agent.held, pool.forgotten) == ({}, [lease])
    assert caplog.messages == [f"run {lease.run_id} no longer belongs to this agent"]
    assert harness.run(id_).status == "queued"
