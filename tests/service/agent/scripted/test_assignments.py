"""A preparation that ends after its run was dropped, and what is removed after one."""

import logging
from threading import Event

import pytest

from service.agent.agent import Agent
from service.agent.assignments import UNUSED_SECONDS
from tests.harness import IRIS, Harness


@pytest.mark.parametrize("fails", [False, True])
def test_a_preparation_that_nobody_waits_for_ends_without_an_error(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    prepare, begun, goes_on, ended = harness.registry.prepare_split, Event(), Event(), Event()

    def slow(*arguments: object) -> object:
        begun.set()
        assert goes_on.wait(10)
        if fails:
            raise ValueError("a bug")
        return prepare(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(harness.registry, "prepare_split", slow)
    monkeypatch.setattr(agent.pool, "wake", ended.set)
    id_ = harness.submit(IRIS)
    assert agent.claim()
    (run,) = agent.runs.values()
    assert begun.wait(10)
    harness.cancel(id_)
    agent.flush()
    agent.flush()
    assert (harness.run(id_).status, run.assignment.cancelled()) == ("cancelled", True)
    goes_on.set()
    assert ended.wait(10)
    assert run.assignment.cancelled()


def test_splits_that_nobody_uses_are_removed_once_a_day(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[float] = []

    def remove(seconds: float) -> int:
        asked.append(seconds)
        return 2

    monkeypatch.setattr(harness.registry, "remove_unused_splits", remove)
    caplog.set_level(logging.INFO)
    agent.assignments._collect()
    agent.assignments._collect()
    assert asked == [UNUSED_SECONDS]
    assert caplog.messages == ["removed 2 prepared splits that no run has used for 30 days"]


def test_splits_that_cannot_be_removed_stop_no_preparation(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(seconds: float) -> int:
        raise OSError(f"a read-only file system, {seconds:g} s")

    monkeypatch.setattr(harness.registry, "remove_unused_splits", refuse)
    agent.assignments._collect()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "read-only" in caplog.text
