"""How the agent starts, survives errors, and stops."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.agent import agent as module
from service.agent.agent import Agent
from service.notifiers import PollingNotifier, Wakeable
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool
from tests.service.agent.scripted.script import start
from tests.service.agent.scripted.unreachable import AWAY


def test_it_runs_until_stopped_whatever_happens(
    harness: Harness,
    agent: Agent,
    pool: ScriptedPool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_FLUSH_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(module, "RELEASE_SECONDS", 0.2)
    id_ = harness.submit(IRIS)
    tick, errors = agent.tick, iter([AWAY, ValueError("a bug")])

    def failing() -> None:
        if error := next(errors, None):
            raise error
        tick()

    monkeypatch.setattr(agent, "tick", failing)
    with caplog.at_level(logging.ERROR):
        agent.start()
        harness.wait(id_, lambda run: run.status == "running")
        last_tick_at = agent.last_tick_at
        harness.wait(id_, lambda _: agent.last_tick_at > last_tick_at)
        agent.stop()
    assert pool.closed
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "the database does not answer",
        "the agent could not go on",
    ]


def test_a_stop_does_not_wait_forever(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RELEASE_SECONDS", 0.3)
    id_ = harness.submit(IRIS)
    lease = start(agent)
    started = time.monotonic()
    agent.request_stop()
    assert pool.woken >= 1
    agent.run()
    assert 0.3 <= time.monotonic() - started < 2
    assert pool.commands == [(lease, "release")]
    assert pool.closed
    assert harness.run(id_).status == "running"


def test_its_notifier_wakes_it_for_as_long_as_it_works(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    class FakeNotifier(PollingNotifier):
        @contextmanager
        def listening(self, agent: Wakeable) -> Iterator[None]:
            seen.append(agent)
            yield
            seen.append("over")

    monkeypatch.setattr(agent, "notifier", FakeNotifier())
    agent.start()
    agent.stop()
    assert seen == [agent, "over"]


def test_an_agent_that_never_started_can_be_stopped(agent: Agent) -> None:
    agent.stop()
    assert agent.runs == {}
