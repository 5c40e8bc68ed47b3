"""Clocks that are set, and machines that sleep: they cost no healthy run an attempt."""

import re

import pytest
from sqlalchemy import update

from service.agent import clock_watch
from service.agent.agent import Agent
from service.settings import Settings
from service.store.engine.clock import now
from service.store.tables import Run
from tests.harness import IRIS, Harness
from tests.manual_clock import ManualClock
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import epochs_of, send, start


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock(100_000.0)
    monkeypatch.setattr(clock_watch, "time", clock)
    return clock


def expire_all(harness: Harness) -> None:
    """Let all leases expire, as if the clock had been set ahead."""
    with harness.database.write() as connection:
        connection.execute(update(Run).where(Run.status == "running").values(lease_until=now() - 1))


def test_an_agent_renews_its_own_leases_before_it_claims(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    lease = start(agent)
    expire_all(harness)
    other = start(agent)
    assert other.run_id != lease.run_id
    first, second = harness.runs(id_)
    assert (first.status, first.deaths, second.status) == ("running", 0, "running")
    send(agent, lease, epoch(1))
    assert epochs_of(harness, id_) == [(0, 1)]


def test_the_own_leases_are_all_that_a_lone_agent_finds_expired(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    start(agent)
    expire_all(harness)
    assert not agent.claim()
    assert (harness.run(id_).status, harness.run(id_).deaths) == ("running", 0)


@pytest.mark.parametrize(("step", "word"), [(3600.0, "later"), (-3600.0, "earlier")])
def test_after_a_gap_no_lease_of_another_agent_is_ended_for_a_whole_lease(
    harness: Harness,
    agent: Agent,
    settings: Settings,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    step: float,
    word: str,
) -> None:
    other = Agent(harness.database, harness.registry, settings, ScriptedPool())
    id_ = harness.submit(IRIS)
    lease = start(other)
    agent.flush()
    clock.time -= step
    expire_all(harness)
    assert not agent.claim()
    (message,) = caplog.messages
    # The clock of the database goes on while the test runs, so the gap is 3,600 s to within a second.
    said = re.fullmatch(
        rf"the database's clock is (\S+) s {word} than expected: .*; no lease is ended for 15 s", message
    )
    assert said is not None
    assert float(said[1]) == pytest.approx(3600, abs=5)
    send(other, lease, epoch(1))
    assert epochs_of(harness, id_) == [(0, 1)]
    assert harness.run(id_).deaths == 0


def test_a_lease_that_nobody_renews_is_ended_after_that(
    harness: Harness, agent: Agent, settings: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Agent(harness.database, harness.registry, settings, ScriptedPool())
    id_ = harness.submit(IRIS)
    start(other)
    agent.flush()
    clock.time -= 3600
    expire_all(harness)
    assert not agent.claim()
    clock.time += settings.lease_seconds
    monkeypatch.setattr(
        agent.clock, "observe", lambda _: None
    )  # the database's clock did not go on with this one
    assert agent.claim()
    assert (harness.run(id_).attempt, harness.run(id_).deaths) == (2, 1)


def test_a_clock_that_drifts_is_no_gap(
    harness: Harness, agent: Agent, settings: Settings, clock: ManualClock
) -> None:
    agent.flush()
    clock.time -= settings.lease_seconds / 5
    agent.flush()
    assert agent.clock.is_settled


@pytest.mark.parametrize(
    ("before", "after", "gap"),
    [
        ((0.0, 1.0), (1.0, 2.0), 0.0),
        ((0.0, 1.0), (0.2, 0.3), 0.0),
        ((0.0, 1.0), (-5.0, 5.0), 0.0),
        ((0.0, 1.0), (4.0, 5.0), 3.0),
        ((4.0, 5.0), (0.0, 1.0), -3.0),
    ],
)
def test_a_slow_query_is_no_gap(before: tuple[float, float], after: tuple[float, float], gap: float) -> None:
    assert clock_watch._gap(before, after) == gap
