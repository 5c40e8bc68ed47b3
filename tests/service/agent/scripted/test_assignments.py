"""A preparation that ends after its run was dropped."""

from threading import Event

import pytest

from service.agent.agent import Agent
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
