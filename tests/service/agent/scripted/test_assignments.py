"""Preparations: when one is needed, one that ends after its run was dropped, and what is removed after one."""

import logging
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from service.agent import assignments as module
from service.agent.agent import Agent
from service.agent.assignments import UNUSED_SECONDS
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool
from tests.service.agent.scripted.script import start


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


def test_a_run_on_a_split_that_is_ready_needs_no_thread_and_no_look_at_the_data(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.submit(IRIS | {"seeds": [0, 1]})
    first = start(agent)
    monkeypatch.setattr(harness.registry, "prepare_split", refuse_to_look)
    assert agent.claim()
    *_, second = agent.runs
    assert agent.runs[second].assignment.done()
    assert pool.woken == 2, "nothing else would start its worker"
    agent.start_prepared()
    assert pool.started[second] == replace(pool.started[first], seed=1)


@pytest.mark.parametrize("why", ["it is old", "it was removed", "another fold", "it resumes"])
def test_data_are_looked_at_again_if_the_split_may_not_be_ready(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    id_ = harness.submit(IRIS)
    lease, builder = start(agent), agent.assignments
    claim = agent.runs[lease].claim
    if why == "it is old":
        monkeypatch.setattr(module, "READY_SECONDS", 0.0)
    elif why == "it was removed":
        monkeypatch.setattr(Path, "is_dir", lambda _: False)
    elif why == "another fold":
        claim = replace(claim, fold=1)
    checkpoint = b"a checkpoint" if why == "it resumes" else None
    looked: list[object] = []

    def look(*arguments: object) -> object:
        looked.append(arguments)
        raise ValueError(id_)

    monkeypatch.setattr(harness.registry, "prepare_split", look)
    assert isinstance(builder.start(claim, checkpoint, lambda: None).exception(timeout=10), ValueError)
    assert len(looked) == 1


def refuse_to_look(*_: object) -> object:
    raise AssertionError("the split is ready")
