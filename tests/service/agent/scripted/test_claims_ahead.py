"""Claims in the transaction that ends a run, and while runs are short, claims ahead of a free process."""

import time

import pytest
from sqlalchemy import update

from service.agent import agent as module
from service.agent.agent import Agent
from service.settings import Settings
from service.store import queue
from service.store.queue import Lease
from service.store.tables import Run
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import start
from workers.processes.messages import CheckpointTaken, Stopped, Succeeded

END = Succeeded(1, b"model")


@pytest.fixture
def lone(harness: Harness, settings: Settings, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent with one process, that claims at most one run ahead."""
    monkeypatch.setattr(module, "MOST_AHEAD", 1)
    return Agent(harness.database, harness.registry, settings.model_copy(update={"workers": 1}), pool)


def prepared(agent: Agent) -> None:
    """Wait until every assignment is prepared."""
    for run in agent.runs.values():
        run.assignment.exception(timeout=10)


def end(agent: Agent, pool: ScriptedPool, lease: Lease) -> None:
    """Let a run succeed, and the agent notice."""
    pool.add(lease, epoch(1), END)
    agent.tick()
    prepared(agent)


def statuses(harness: Harness, id_: int) -> list[str]:
    return [run.status for run in harness.runs(id_)]


def test_the_transaction_that_ends_a_run_claims_the_next(
    harness: Harness, lone: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORT_SECONDS", 0)
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    first = start(lone)
    lone.flush()
    monkeypatch.setattr(lone, "claim", None)  # a transaction of its own
    end(lone, pool, first)
    assert statuses(harness, id_) == ["succeeded", "running", "queued"]
    assert harness.experiment(id_).status == "running"
    lone.start_prepared()
    assert [lease.run_id for lease in pool.started] == [run.id for run in harness.runs(id_)[:2]]


def test_an_end_is_stored_although_nothing_can_be_claimed(
    harness: Harness, lone: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    first = start(lone)

    def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(queue, "claim", broken)
    for _ in range(2):
        with pytest.raises(ValueError, match="a bug"):
            end(lone, pool, first)
    assert statuses(harness, id_) == ["succeeded", "queued"]


def test_a_resumed_run_gets_the_checkpoint_that_another_attempt_left(
    harness: Harness, lone: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    first = start(lone)
    pool.add(first, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2), Stopped("release"))
    lone.tick()
    prepared(lone)
    lone.start_prepared()
    (again,) = (lease for lease in lone.runs if lease.run_id == first.run_id)
    assert (pool.started[again].checkpoint, harness.runs(id_)[0].epoch) == (b"one", 1)


def test_while_runs_are_short_the_next_one_starts_before_the_end_is_stored(
    harness: Harness, lone: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2, 3]})
    end(lone, pool, start(lone))
    assert statuses(harness, id_) == ["succeeded", "running", "running", "queued"]
    lone.start_prepared()
    first, ahead = lone.runs
    assert first in pool.started
    assert ahead not in pool.started
    pool.add(first, epoch(1), END)
    lone.receive_events(0)
    monkeypatch.setattr(lone, "flush", None)
    lone.start_prepared()
    assert ahead in pool.started


def test_the_ends_of_short_runs_are_written_together_while_others_wait_for_their_process(
    harness: Harness, lone: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AHEAD", 8)
    id_ = harness.submit(IRIS | {"seeds": list(range(5))})
    end(lone, pool, start(lone))
    assert statuses(harness, id_) == ["succeeded", *["running"] * 4]
    lone.start_prepared()
    for lease in list(lone.runs)[:2]:
        pool.add(lease, epoch(1), END)
        lone.receive_events(0)
        assert lone._flush_interval() == module.MIN_FLUSH_INTERVAL_SECONDS
        lone.start_prepared()
    lone.flush()
    assert statuses(harness, id_) == [*["succeeded"] * 3, *["running"] * 2]
    for lease in list(lone.runs):
        lone.start_prepared()
        pool.add(lease, epoch(1), END)
        lone.receive_events(0)
    assert lone._flush_interval() == 0  # nothing else waits for the process
    lone.tick()
    assert statuses(harness, id_) == ["succeeded"] * 5


@pytest.mark.parametrize(
    ("seconds", "ahead"), [(0.0, 8), (0.04, 5), (0.15, 2), (0.4, 1), (0.5, 0), (60.0, 0)]
)
def test_the_shorter_runs_are_the_more_are_claimed_ahead(seconds: float, ahead: int) -> None:
    assert module._runs_ahead(seconds) == ahead


def test_a_run_that_was_claimed_ahead_is_given_back_if_the_runs_before_it_are_long(
    harness: Harness, lone: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2, 3]})
    end(lone, pool, start(lone))
    lone.start_prepared()
    _, ahead = lone.runs
    lone.runs[ahead].claimed_at = time.monotonic() - 2
    lone.tick()
    assert statuses(harness, id_) == ["succeeded", "running", "queued", "queued"]
    assert harness.runs(id_)[2].deaths == 0
    lone.flushed_at = 0.0
    lone.tick()
    assert len(lone.runs) == 1


def test_after_a_long_run_none_is_claimed_ahead(harness: Harness, lone: Agent, pool: ScriptedPool) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    first = start(lone)
    lone.runs[first].started_at = time.monotonic() - 10
    end(lone, pool, first)
    assert statuses(harness, id_) == ["succeeded", "running", "queued"]


def test_a_run_that_was_claimed_ahead_can_be_cancelled_and_released(
    harness: Harness, lone: Agent, pool: ScriptedPool
) -> None:
    id_, other = harness.submit(IRIS | {"seeds": [0, 1]}), harness.submit(IRIS)
    end(lone, pool, start(lone))
    lone.start_prepared()
    assert (statuses(harness, id_), statuses(harness, other)) == (["succeeded", "running"], ["running"])
    harness.cancel(other)
    lone.flush()
    lone.flush()
    assert statuses(harness, other) == ["cancelled"]
    assert len(lone.runs) == 1


def test_a_stop_releases_what_was_claimed_ahead(harness: Harness, lone: Agent, pool: ScriptedPool) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    end(lone, pool, start(lone))
    lone.start_prepared()
    trains, _ = lone.runs
    pool.add(trains, Stopped("release"))
    lone.release_runs()
    assert statuses(harness, id_) == ["succeeded", "queued", "queued"]
    assert [run.deaths for run in harness.runs(id_)] == [0, 0, 0]


def test_a_killed_agent_costs_only_the_run_that_had_a_process_an_attempt(
    harness: Harness, lone: Agent, pool: ScriptedPool, settings: Settings
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    end(lone, pool, start(lone))
    lone.start_prepared()
    lone.flush()
    assert [run.claimed_ahead for run in harness.runs(id_)] == [False, False, True]
    heir = Agent(harness.database, harness.registry, settings, ScriptedPool())
    _expire_all(harness)
    start(heir)
    assert [(run.status, run.deaths) for run in harness.runs(id_)] == [
        ("succeeded", 0),
        ("running", 1),
        ("queued", 0),
    ]


def test_a_run_that_was_claimed_ahead_has_begun_once_it_has_a_process(
    harness: Harness, lone: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    end(lone, pool, start(lone))
    lone.start_prepared()
    first, ahead = lone.runs
    end(lone, pool, first)
    assert ahead in pool.started
    assert [run.claimed_ahead for run in harness.runs(id_)] == [False, False, False]
    _expire_all(harness)
    with harness.database.write() as connection:
        queue.claim(connection, agent="heir", lease_seconds=60, max_deaths=5)
    assert [run.deaths for run in harness.runs(id_)] == [0, 0, 1]


def _expire_all(harness: Harness) -> None:
    with harness.database.write() as connection:
        connection.execute(update(Run).where(Run.status == "running").values(lease_until=0.0))
