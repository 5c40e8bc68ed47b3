"""What the agent claims, and what it gives a worker."""

import time
from typing import Any

import pytest
from sqlalchemy import event

from service.agent.agent import Agent
from service.settings import Settings
from service.store import queue
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import send, start
from workers.data.errors import TooFewRows
from workers.processes.messages import Succeeded


def test_it_claims_as_many_runs_as_it_has_processes(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1, 2]})
    agent.tick()
    assert len(agent.runs) == 2
    assert agent.is_full
    assert [run.status for run in harness.runs(id_)] == ["running", "running", "queued"]
    assert {run.agent for run in harness.runs(id_)} == {agent.name, None}


def test_a_woken_agent_claims_what_was_submitted_in_one_transaction(harness: Harness, agent: Agent) -> None:
    """The first epoch of a run waits for each transaction before it."""
    agent.tick()
    begun: list[str] = []

    @event.listens_for(harness.database.engine, "begin")
    def note(connection: Any) -> None:
        begun.append(connection.get_execution_options()["begin"])

    harness.submit(IRIS)
    begun.clear()
    agent.wake()
    agent.flush(claims=True)
    assert len(agent.runs) == 1
    assert begun == ["IMMEDIATE"]


def test_it_claims_nothing_before_processes_can_be_started(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    pool.ready = False
    agent.tick()
    assert harness.run(id_).status == "queued"
    pool.ready = True
    agent.tick()
    assert harness.run(id_).status == "running"


def test_a_worker_gets_the_spec_the_seed_the_folder_and_the_limits(
    harness: Harness, settings: Settings, pool: ScriptedPool
) -> None:
    limited = settings.model_copy(update={"checkpoint_seconds": 7.0, "worker_memory_bytes": 10**9})
    agent = Agent(harness.database, harness.registry, limited, pool)
    harness.submit(IRIS | {"seeds": [5], "split": {"seed": 36}})  # no other test trains on this split
    lease = start(agent)
    given = pool.started[lease]
    spec = agent.runs[lease].claim.spec
    assert given.spec == harness.spec_json(spec)
    assert (given.seed, given.checkpoint, given.checkpoint_seconds, given.memory_bytes) == (
        5,
        None,
        7.0,
        10**9,
    )
    assert sorted(path.name for path in given.split_folder.iterdir()) == [
        "counts.json",
        "train",
        "validation",
    ]


def test_a_worker_is_started_once(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    pool.started.clear()
    agent.start_prepared()
    assert lease in agent.runs
    assert not pool.started


def test_a_prepared_assignment_wakes_the_agent(harness: Harness, agent: Agent, pool: ScriptedPool) -> None:
    harness.submit(IRIS)
    start(agent)
    deadline = time.monotonic() + 5
    while not pool.woken and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool.woken == 1


@pytest.mark.parametrize(
    ("error", "cause", "message"),
    [
        (TooFewRows("class a", 1, 2, "it is split"), "dataset_missing", "class a has 1 row"),
        (RuntimeError("no such thing"), "error", "preparing its data failed: RuntimeError: no such thing"),
    ],
)
def test_data_that_cannot_be_prepared_fail_the_run(
    harness: Harness,
    agent: Agent,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    cause: str,
    message: str,
) -> None:
    id_ = harness.submit(IRIS)

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(harness.registry, "prepare_split", refuse)
    lease = start(agent)
    agent.flush()
    run = harness.run(id_)
    assert (run.status, run.cause, run.deaths) == ("failed", cause, 0)
    assert message in run.message
    unexpected = [f"the data of run {lease.run_id} could not be prepared"] if cause == "error" else []
    assert caplog.messages == unexpected
    assert agent.runs == {}


def test_an_idle_agent_only_reads(harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "claim", None)
    assert not agent.claim()


def test_a_run_that_another_agent_claims_first_is_left_to_it(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "has_work", lambda _: True)
    assert not agent.claim()
    assert agent.runs == {}


def test_names_tell_agents_apart(harness: Harness, settings: Settings) -> None:
    names = {Agent(harness.database, harness.registry, settings, ScriptedPool()).name for _ in range(2)}
    assert len(names) == 2


def test_no_statement_of_the_agent_is_planned_anew_for_the_value_of_its_limit(
    harness: Harness, agent: Agent
) -> None:
    executed: list[str] = []

    @event.listens_for(harness.database.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        executed.append(statement)

    harness.submit(IRIS | {"seeds": [0, 1, 2]})
    first, _ = start(agent), start(agent)
    send(agent, first, epoch(1), Succeeded(1, b"model"))
    agent.tick()
    assert len(agent.runs) == 2
    assert [statement for statement in executed if "LIMIT ?" in statement] == []
    assert any("LIMIT 1" in statement for statement in executed)
