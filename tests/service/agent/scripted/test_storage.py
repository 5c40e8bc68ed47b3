"""A database that is away, and figures that the database refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from service.agent.agent import Agent
from service.store.epochs import epoch_writer
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import epochs_of, send, start
from tests.service.agent.scripted.unreachable import AWAY, Unreachable
from workers.processes.messages import CheckpointTaken, EpochsEnded, Succeeded


def refused(ended: EpochsEnded) -> EpochsEnded:
    """The same with a figure that is no number."""
    return replace(ended, epochs=replace(ended.epochs, gradient_norms=np.array(["high"])))


@pytest.mark.parametrize("kind", [ValueError("a bug"), TypeError("another")])
def test_a_run_whose_figures_are_refused_fails_and_the_others_continue(
    harness: Harness, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture, kind: Exception
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    poisoned, healthy = start(agent), start(agent)
    pool.add(poisoned, refused(epoch(1)))
    send(agent, healthy, epoch(1))
    failed, running = harness.runs(id_)
    assert (failed.status, failed.cause, failed.epoch) == ("failed", "error", 0)
    assert failed.message == "its results could not be stored: ValueError"
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
    with pytest.raises(OperationalError):
        send(agent, lease, refused(epoch(1)))
    assert harness.run(id_).status == "running"
    agent.database = harness.database
    send(agent, lease, epoch(2))
    run = harness.run(id_)
    assert (run.status, run.cause, run.epoch) == ("failed", "error", 0)
    assert agent.runs == {}


class InternalError(Exception):
    """As a driver of PostgreSQL raises it for a transaction that idled too long: no OperationalError."""

    sqlstate = "25P03"


@pytest.mark.parametrize(
    "error",
    [
        AWAY,
        InterfaceError("SELECT", {}, Exception("it is away")),
        DatabaseError("SELECT", {}, InternalError("it is away")),
        DatabaseError("SELECT", {}, Exception("it is away"), connection_invalidated=True),
    ],
)
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


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("error", [AWAY, DatabaseError("SELECT", {}, InternalError("it is away"))])
def test_events_wait_if_the_database_goes_away_in_the_middle_of_a_flush(
    harness: Harness,
    agent: Agent,
    pool: ScriptedPool,
    monkeypatch: pytest.MonkeyPatch,
    error: DBAPIError,
    runs: int,
) -> None:
    """Those of one run are written alone, those of several together."""
    id_ = harness.submit(IRIS | {"seeds": list(range(runs))})
    *others, lease = [start(agent) for _ in range(runs)]
    for other in others:
        pool.add(other, epoch(1))

    def refuse(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(epoch_writer, "record_epochs", refuse)
        with pytest.raises(type(error)):
            send(agent, lease, epoch(1))
    assert [run.status for run in harness.runs(id_)] == ["running"] * runs
    agent.flush()
    assert epochs_of(harness, id_) == [(seed, 1) for seed in range(runs)]


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
