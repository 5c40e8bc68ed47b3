"""A database that is away, a disk without space, figures that the database refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from service.agent import agent as module
from service.agent.agent import Agent
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import checkpoints_of, epochs_of, send, start
from tests.service.agent.scripted.unreachable import AWAY, Unreachable
from workers.processes.messages import ArtifactReference, CheckpointTaken, Succeeded


@pytest.mark.parametrize("kind", [ValueError("a bug"), TypeError("another")])
def test_a_run_whose_figures_are_refused_fails_and_the_others_continue(
    harness: Harness, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture, kind: Exception
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    poisoned, healthy = start(agent), start(agent)
    ended = epoch(1)
    pool.add(poisoned, replace(ended, epoch=replace(ended.epoch, gradient_norm="high")))  # type: ignore[arg-type]
    send(agent, healthy, epoch(1))
    failed, running = harness.runs(id_)
    assert (failed.status, failed.cause, failed.epoch) == ("failed", "error", 0)
    assert failed.message == "its results could not be stored: StatementError"
    assert (running.status, running.epoch) == ("running", 1)
    assert epochs_of(harness, id_) == [(1, 1)]
    assert pool.discarded == [poisoned]
    assert caplog.messages == [f"the results of run {poisoned.run_id} cannot be stored"]
    assert list(agent.runs) == [healthy]


def test_a_run_whose_figures_are_refused_fails_although_the_first_commit_failed(
    harness: Harness, agent: Agent
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)

    class FailsToCommit(Unreachable):
        @contextmanager
        def write(self) -> Iterator[Connection]:
            with self.database.write() as connection:
                yield connection
                raise self.error

    agent.database = FailsToCommit(harness.database, AWAY)  # type: ignore[assignment]
    ended = epoch(1)
    with pytest.raises(OperationalError):
        send(agent, lease, replace(ended, epoch=replace(ended.epoch, gradient_norm="high")))  # type: ignore[arg-type]
    assert harness.run(id_).status == "running"
    agent.database = harness.database
    send(agent, lease, epoch(2))
    run = harness.run(id_)
    assert (run.status, run.cause, run.epoch) == ("failed", "error", 0)
    assert agent.runs == {}


@pytest.mark.parametrize("error", [AWAY, InterfaceError("SELECT", {}, Exception("it is away"))])
def test_while_the_database_is_away_events_wait(
    harness: Harness, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    agent.database = Unreachable(harness.database, error)  # type: ignore[assignment]
    pool.add(lease, epoch(1))
    for _ in range(3):
        agent._guarded(agent.tick)
    assert agent.database_is_away
    assert [record.message for record in caplog.records] == [
        "the database does not answer; trying again: it is away"
    ]
    assert len(agent.runs[lease].pending) == 1
    agent.database = harness.database
    agent._guarded(agent.tick)
    assert agent.database_is_away is False
    assert epochs_of(harness, id_) == [(0, 1)]


def test_events_wait_if_the_database_goes_away_in_the_middle_of_a_flush(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)

    def refuse(*_: object, **__: object) -> None:
        raise AWAY

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_progress", refuse)
        with pytest.raises(OperationalError):
            send(agent, lease, epoch(1))
    assert harness.run(id_).status == "running"
    agent.flush()
    assert epochs_of(harness, id_) == [(0, 1)]


def test_events_that_were_written_although_the_commit_seemed_to_fail_are_not_written_twice(
    harness: Harness, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)

    class LosesResponses(Unreachable):
        @contextmanager
        def write(self) -> Iterator[Connection]:
            with self.database.write() as connection:
                yield connection
            raise self.error

    agent.database = LosesResponses(harness.database, AWAY)  # type: ignore[assignment]
    with pytest.raises(OperationalError):
        send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"))
    agent.database = harness.database
    send(agent, lease, epoch(2))
    run = harness.run(id_)
    assert (run.epoch, run.training_seconds, run.status) == (2, 1.0, "running")
    agent.database = LosesResponses(harness.database, AWAY)  # type: ignore[assignment]
    with pytest.raises(OperationalError):
        send(agent, lease, epoch(3), Succeeded(1, b"model"))
    agent.database = harness.database
    agent.flush()
    assert harness.run(id_).status == "succeeded"
    assert agent.runs == {}
    assert epochs_of(harness, id_) == [(0, 1), (0, 2), (0, 3)]


def test_without_space_for_a_checkpoint_the_previous_one_stays(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"))
    with monkeypatch.context() as patch:
        patch.setattr(agent.artifacts, "columns", _no_space)
        send(agent, lease, epoch(2), CheckpointTaken(2, 1, b"two"))
    logged = f"a checkpoint of run {lease.run_id} was not stored: [Errno 28] No space left on device"
    assert caplog.messages == [logged]
    assert epochs_of(harness, id_) == [(0, 1), (0, 2)]
    assert checkpoints_of(harness, lease.run_id) == [("newest", 1, b"one")]


def test_a_model_that_cannot_be_stored_yet_waits_and_the_other_runs_continue(
    harness: Harness,
    agent: Agent,
    pool: ScriptedPool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    waiting, healthy = start(agent), start(agent)
    before = harness.runs(id_)[0].lease_until
    with monkeypatch.context() as patch:
        patch.setattr(agent.artifacts, "columns", _no_space)
        pool.add(healthy, epoch(1))
        send(agent, waiting, epoch(1), Succeeded(1, b"model"))
    assert epochs_of(harness, id_) == [(1, 1)]
    run = harness.runs(id_)[0]
    assert run.status == "running"
    assert run.lease_until > before
    assert set(agent.runs) == {waiting, healthy}
    assert caplog.messages == [f"the results of run {waiting.run_id} cannot be stored yet"]
    agent.flush()
    assert epochs_of(harness, id_) == [(0, 1), (1, 1)]
    assert harness.runs(id_)[0].status == "succeeded"


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_is_too_large_for_a_row_is_named_by_the_claim_of_its_run(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent.artifacts, "row_bytes", 3)
    harness.submit(IRIS)
    lease = start(agent)
    stored = agent._offload(lease, CheckpointTaken(1, 1, b"state"))
    assert isinstance(stored, CheckpointTaken)
    assert isinstance(stored.content, ArtifactReference)
    assert f"-{lease.token}-" in stored.content.name
