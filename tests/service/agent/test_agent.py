"""The agent, with a pool that says what a test tells it to."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from service import agent as module
from service.agent import Agent
from service.engines import NoEngine, Rung
from service.settings import Settings
from service.store import queue
from service.store.artifacts import ArtifactMissing
from service.store.database import Database, now
from service.store.queue import Lease
from service.store.tables import Checkpoint, EpochMetrics, Run
from tests.office import IRIS, Office
from tests.service.agent.scripted import ScriptedPool, epoch
from workers.data.errors import TooFewRows
from workers.evaluation.baselines import Baseline
from workers.evaluation.intervals import Interval
from workers.pool import Died
from workers.process import BaselinesFitted, CheckpointTaken, Failed, Stopped, Succeeded

TIMED = IRIS | {"training": {"epochs": 3, "max_seconds": 50}}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is tested here is Python; the statements are tested on both databases elsewhere."""
    return sqlite_url


@pytest.fixture
def pool() -> ScriptedPool:
    return ScriptedPool()


@pytest.fixture
def agent(office: Office, settings: Settings, pool: ScriptedPool) -> Agent:
    return Agent(office.database, office.library, settings, pool)


def start(agent: Agent) -> Lease:
    """Claim the next run, and start its worker."""
    assert agent.claim()
    *_, lease = agent.held
    agent.held[lease].prepared.exception(timeout=10)
    agent.start_prepared()
    return lease


def say(agent: Agent, lease: Lease, *words: Any) -> None:
    """Let a worker speak, and the agent report."""
    assert isinstance(agent.pool, ScriptedPool)
    agent.pool.say(lease, *words)
    agent.listen(0)
    agent.report()


def epochs_of(office: Office, id_: int) -> list[tuple[int, int]]:
    """(seed, epoch) of every stored epoch."""
    rows = select(Run.seed, EpochMetrics.epoch).join(Run, Run.id == EpochMetrics.run_id)
    mine = rows.where(Run.experiment_id == id_, EpochMetrics.split == "train").order_by(
        Run.seed, EpochMetrics.epoch
    )
    with office.database.read() as connection:
        return [(row.seed, row.epoch) for row in connection.execute(mine)]


def checkpoints_of(office: Office, run_id: int) -> list[tuple[str, int, bytes | None]]:
    rows = select(Checkpoint.kind, Checkpoint.epoch, Checkpoint.content).where(Checkpoint.run_id == run_id)
    with office.database.read() as connection:
        return [(row.kind, row.epoch, row.content) for row in connection.execute(rows)]


class Unreachable:
    """A database whose next transactions fail."""

    def __init__(self, database: Database, error: Exception, times: int = 10**6) -> None:
        self.database, self.error, self.times = database, error, times

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.times:
            self.times -= 1
            raise self.error
        with self.database.write() as connection:
            yield connection

    read = write


AWAY = OperationalError("SELECT", {}, Exception("it is away"))


def test_it_claims_as_many_runs_as_it_has_processes(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    id_ = office.submit(IRIS | {"seeds": [0, 1, 2]})
    agent.tick()
    assert len(agent.held) == 2
    assert agent.is_full
    assert [run.status for run in office.runs(id_)] == ["running", "running", "queued"]
    assert {run.agent for run in office.runs(id_)} == {agent.name, None}
    assert not pool.started


def test_a_worker_is_given_the_spec_the_seed_the_folder_and_the_limits(
    office: Office, settings: Settings, pool: ScriptedPool
) -> None:
    limited = settings.model_copy(update={"checkpoint_seconds": 7.0, "worker_memory_bytes": 10**9})
    agent = Agent(office.database, office.library, limited, pool)
    office.submit(IRIS | {"seeds": [5]})
    lease = start(agent)
    given = pool.started[lease]
    spec = agent.held[lease].claim.spec
    assert given.spec == office.library_spec(spec)
    assert (given.seed, given.checkpoint, given.checkpoint_seconds, given.memory_bytes) == (
        5,
        None,
        7.0,
        10**9,
    )
    assert sorted(path.name for path in given.parts.iterdir()) == ["counts.json", "train", "validation"]


def test_a_worker_is_started_once(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    office.submit(IRIS)
    lease = start(agent)
    pool.started.clear()
    agent.start_prepared()
    assert lease in agent.held
    assert not pool.started


def test_preparing_rings(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    office.submit(IRIS)
    start(agent)
    deadline = time.monotonic() + 5
    while not pool.rung and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool.rung == 1


def test_what_a_worker_says_is_written_and_said_no_more(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    linear = Baseline("linear", 0.9, 0.8, Interval(0.7, 0.95, level=0.95))
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2, best=2), BaselinesFitted((linear,)))
    assert epochs_of(office, id_) == [(0, 1), (0, 2)]
    assert checkpoints_of(office, lease.run_id) == [("newest", 1, b"one")]
    assert office.experiment(id_).baselines[0]["name"] == "linear"
    run = office.run(id_)
    assert (run.epoch, run.best_epoch, run.training_seconds) == (2, 2, 1.0)
    assert agent.held[lease].outbox == []
    assert pool.forgotten == []
    agent.report()
    assert epochs_of(office, id_) == [(0, 1), (0, 2)]


def test_a_success_frees_its_place(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), Succeeded(1, b"model"))
    run = office.run(id_)
    assert (run.status, run.cause) == ("succeeded", None)
    assert checkpoints_of(office, lease.run_id) == [("model", 1, b"model")]
    assert (agent.held, pool.forgotten, pool.orders) == ({}, [], [])


def test_a_failure_is_written_with_its_cause(office: Office, agent: Agent) -> None:
    id_ = office.submit(IRIS)
    say(agent, start(agent), epoch(1), Failed("diverged", "epoch 2: NaN"))
    run = office.run(id_)
    assert (run.status, run.cause, run.message) == ("failed", "diverged", "epoch 2: NaN")
    assert epochs_of(office, id_) == [(0, 1)]


def test_a_report_extends_the_lease_and_notes_the_work(
    office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    before = office.run(id_)
    agent.held[lease].started_at = time.monotonic() - 20
    agent.report()
    after = office.run(id_)
    assert after.lease_until > before.lease_until
    assert 20 <= after.worked_seconds < 25
    agent.pool.forget(lease)
    with office.database.write() as connection:
        queue.give_back(connection, lease)
    again = start(agent)
    assert agent.held[again].worked_seconds >= after.worked_seconds


def test_a_resumed_run_starts_from_its_checkpoint(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2), Died(-9))
    assert epochs_of(office, id_) == [(0, 1), (0, 2)]
    again = start(agent)
    assert pool.started[again].checkpoint == b"one"
    assert epochs_of(office, id_) == [(0, 1)]
    run = office.run(id_)
    assert (run.epoch, run.best_epoch, run.training_seconds, run.deaths) == (1, 1, 0.5, 1)


@pytest.mark.parametrize("lost_meanwhile", [False, True])
def test_a_run_whose_checkpoint_is_not_there_any_more_starts_over(
    office: Office, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch, lost_meanwhile: bool
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), Died(-9))

    def missing(_: object) -> bytes:
        if lost_meanwhile:
            with office.database.write() as connection:
                queue.give_back(connection, replace(lease, attempt=2))
        raise ArtifactMissing("one", "there")

    with monkeypatch.context() as patch:
        patch.setattr(agent.artifacts, "load", missing)
        again = start(agent)
    assert pool.started[again].checkpoint is None
    assert office.run(id_).epoch == (1 if lost_meanwhile else 0)
    assert epochs_of(office, id_) == ([(0, 1)] if lost_meanwhile else [])
    assert len(checkpoints_of(office, lease.run_id)) == lost_meanwhile


def test_too_many_deaths_lose_a_run(office: Office, agent: Agent, settings: Settings) -> None:
    id_ = office.submit(IRIS)
    for _ in range(settings.max_attempts):
        assert office.run(id_).status == "queued"
        say(agent, start(agent), Died(-9))
    run = office.run(id_)
    assert (run.status, run.cause) == ("failed", "lost")
    assert not agent.claim()


@pytest.mark.parametrize("last", [Stopped("cancel"), Died(-9)])
def test_a_cancelled_run_is_told_once_and_ends_whether_or_not_it_heeds(
    office: Office, agent: Agent, pool: ScriptedPool, last: Any
) -> None:
    id_ = office.submit(IRIS | {"seeds": [0, 1]})
    lease, other = start(agent), start(agent)
    office.cancel(id_)
    agent.report()
    agent.report()
    assert pool.orders == [(lease, "cancel"), (other, "cancel")]
    say(agent, lease, epoch(1), last)
    first, second = office.runs(id_)
    assert (first.status, first.deaths, second.status) == ("cancelled", 0, "running")
    assert epochs_of(office, id_) == [(0, 1)]
    assert list(agent.held) == [other]


def test_a_run_that_is_cancelled_before_it_starts_never_does_any_work(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS)
    assert agent.claim()
    office.cancel(id_)
    agent.report()
    assert pool.orders == []
    (lease,) = agent.held
    agent.held[lease].prepared.exception(timeout=10)
    agent.start_prepared()
    agent.report()
    assert pool.orders == [(lease, "cancel")]


@pytest.mark.parametrize("last", [Stopped("timeout"), Died(-9)])
def test_a_run_that_takes_too_long_fails(office: Office, agent: Agent, pool: ScriptedPool, last: Any) -> None:
    id_ = office.submit(TIMED)
    lease = start(agent)
    agent.held[lease].started_at = time.monotonic() - 49
    agent.report()
    assert pool.orders == []
    agent.held[lease].started_at = time.monotonic() - 51
    agent.report()
    assert pool.orders == [(lease, "timeout")]
    say(agent, lease, last)
    run = office.run(id_)
    assert (run.status, run.cause, run.deaths) == ("failed", "timeout", 0)
    assert "longer than the 50 seconds" in run.message


def test_the_time_of_earlier_attempts_counts(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    id_ = office.submit(TIMED)
    with office.database.write() as connection:
        connection.execute(update(Run).where(Run.experiment_id == id_).values(worked_seconds=49.0))
    lease = start(agent)
    agent.held[lease].started_at = time.monotonic() - 2
    agent.report()
    assert pool.orders == [(lease, "timeout")]


def test_without_a_limit_no_run_takes_too_long(office: Office, agent: Agent, pool: ScriptedPool) -> None:
    office.submit(IRIS)
    agent.held[start(agent)].started_at = time.monotonic() - 1e9
    agent.report()
    assert pool.orders == []


def test_time_spent_on_preparing_is_no_work(office: Office, agent: Agent) -> None:
    office.submit(TIMED)
    assert agent.claim()
    (held,) = agent.held.values()
    assert held.worked_seconds == 0.0
    assert not held.is_overdue


def test_a_run_that_is_somebody_elses_is_forgotten_and_nothing_of_it_written(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS | {"seeds": [0, 1]})
    lost, kept = start(agent), start(agent)
    with office.database.write() as connection:
        connection.execute(update(Run).where(Run.id == lost.run_id).values(lease_until=now() - 1))
        taken = queue.claim(connection, agent="other", lease_seconds=60, max_attempts=5)
    assert taken is not None
    pool.say(kept, epoch(1))
    say(agent, lost, epoch(1), Succeeded(1, b"model"))
    assert list(agent.held) == [kept]
    assert epochs_of(office, id_) == [(1, 1)]
    run = office.runs(id_)[0]
    assert (run.status, run.agent, run.attempt) == ("running", "other", 2)


def test_a_process_whose_run_is_somebody_elses_is_killed(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    with office.database.write() as connection:
        queue.give_back(connection, lease)
    agent.report()
    assert (agent.held, pool.forgotten) == ({}, [lease])
    assert office.run(id_).status == "queued"


@pytest.mark.parametrize(
    ("error", "cause", "message"),
    [
        (TooFewRows("class a", 1, 2, "it is split"), "dataset_missing", "class a has 1 row"),
        (RuntimeError("no such thing"), "error", "preparing its data failed: RuntimeError: no such thing"),
    ],
)
def test_data_that_cannot_be_prepared_fail_the_run(
    office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str, message: str
) -> None:
    id_ = office.submit(IRIS)

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(office.library, "parts", refuse)
    start(agent)
    agent.report()
    run = office.run(id_)
    assert (run.status, run.cause, run.deaths) == ("failed", cause, 0)
    assert message in run.message
    assert agent.held == {}


@pytest.mark.parametrize("error", [OSError("no more processes"), EOFError()])
def test_a_process_that_cannot_be_started_is_a_death(
    office: Office, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    id_ = office.submit(IRIS)

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(pool, "start", refuse)
    start(agent)
    agent.report()
    run = office.run(id_)
    assert (run.status, run.deaths) == ("queued", 1)


def test_stopping_hands_back_what_runs_and_what_is_being_prepared(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS | {"seeds": [0, 1]})
    running = start(agent)
    assert agent.claim()
    agent.hand_back()
    assert pool.orders == [(running, "release")]
    assert pool.timeouts == [module.SHORTEST_PAUSE_SECONDS]
    assert [run.status for run in office.runs(id_)] == ["running", "queued"]
    pool.say(running, epoch(1), CheckpointTaken(1, 1, b"one"), Stopped("release"))
    agent.hand_back()
    assert pool.orders == [(running, "release")]
    assert [(run.status, run.deaths) for run in office.runs(id_)] == [("queued", 0), ("queued", 0)]
    assert checkpoints_of(office, running.run_id) == [("newest", 1, b"one")]
    assert agent.held == {}


def test_who_is_killed_while_it_hands_back_has_not_died(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    agent.hand_back()
    pool.say(lease, Died(-9))
    agent.hand_back()
    assert (office.run(id_).status, office.run(id_).deaths) == ("queued", 0)


@pytest.mark.parametrize("kind", [ValueError("a bug"), TypeError("another")])
def test_a_run_whose_figures_are_refused_fails_and_the_others_go_on(
    office: Office, agent: Agent, pool: ScriptedPool, kind: Exception
) -> None:
    id_ = office.submit(IRIS | {"seeds": [0, 1]})
    poisoned, healthy = start(agent), start(agent)
    ended = epoch(1)
    pool.say(poisoned, replace(ended, epoch=replace(ended.epoch, gradient_norm="high")))  # type: ignore[arg-type]
    say(agent, healthy, epoch(1))
    failed, running = office.runs(id_)
    assert (failed.status, failed.cause, failed.epoch) == ("failed", "error", 0)
    assert failed.message == "its results could not be stored: StatementError"
    assert (running.status, running.epoch) == ("running", 1)
    assert epochs_of(office, id_) == [(1, 1)]
    assert pool.forgotten == [poisoned]
    assert list(agent.held) == [healthy]


@pytest.mark.parametrize("error", [AWAY, InterfaceError("SELECT", {}, Exception("it is away"))])
def test_while_the_database_is_away_words_are_kept(
    office: Office, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    agent.database = Unreachable(office.database, error)  # type: ignore[assignment]
    pool.say(lease, epoch(1))
    for _ in range(3):
        agent._attempt(agent.tick)
    assert agent.database_is_away
    assert [record.message for record in caplog.records] == [
        "the database does not answer; trying again: it is away"
    ]
    assert len(agent.held[lease].outbox) == 1
    agent.database = office.database
    agent._attempt(agent.tick)
    assert not agent.database_is_away
    assert epochs_of(office, id_) == [(0, 1)]


def test_a_database_that_goes_away_in_the_middle_of_a_report_is_waited_for(
    office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)

    def refuse(*_: object, **__: object) -> None:
        raise AWAY

    with monkeypatch.context() as patch:
        patch.setattr(module, "write", refuse)
        with pytest.raises(OperationalError):
            say(agent, lease, epoch(1))
    assert office.run(id_).status == "running"
    agent.report()
    assert epochs_of(office, id_) == [(0, 1)]


def test_words_that_were_written_though_the_commit_seemed_to_fail_are_not_written_twice(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)

    class Deaf(Unreachable):
        @contextmanager
        def write(self) -> Iterator[Connection]:
            with self.database.write() as connection:
                yield connection
            raise self.error

    agent.database = Deaf(office.database, AWAY)  # type: ignore[assignment]
    with pytest.raises(OperationalError):
        say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"))
    agent.database = office.database
    say(agent, lease, epoch(2))
    run = office.run(id_)
    assert (run.epoch, run.training_seconds, run.status) == (2, 1.0, "running")
    agent.database = Deaf(office.database, AWAY)  # type: ignore[assignment]
    with pytest.raises(OperationalError):
        say(agent, lease, epoch(3), Succeeded(1, b"model"))
    agent.database = office.database
    agent.report()
    assert office.run(id_).status == "succeeded"
    assert agent.held == {}
    assert epochs_of(office, id_) == [(0, 1), (0, 2), (0, 3)]


def test_a_checkpoint_that_cannot_be_stored_is_done_without(
    office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = office.submit(IRIS)
    lease = start(agent)
    say(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"))
    with monkeypatch.context() as patch:
        patch.setattr(agent.artifacts, "columns", _no_space)
        say(agent, lease, epoch(2), CheckpointTaken(2, 1, b"two"))
    assert "was not stored" in caplog.text
    assert epochs_of(office, id_) == [(0, 1), (0, 2)]
    assert checkpoints_of(office, lease.run_id) == [("newest", 1, b"one")]


def test_a_model_that_cannot_be_stored_yet_is_waited_for_and_the_others_go_on(
    office: Office, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = office.submit(IRIS | {"seeds": [0, 1]})
    waiting, healthy = start(agent), start(agent)
    before = office.runs(id_)[0].lease_until
    with monkeypatch.context() as patch:
        patch.setattr(agent.artifacts, "columns", _no_space)
        pool.say(healthy, epoch(1))
        say(agent, waiting, epoch(1), Succeeded(1, b"model"))
    assert epochs_of(office, id_) == [(1, 1)]
    run = office.runs(id_)[0]
    assert run.status == "running"
    assert run.lease_until > before
    assert set(agent.held) == {waiting, healthy}
    agent.report()
    assert epochs_of(office, id_) == [(0, 1), (1, 1)]
    assert office.runs(id_)[0].status == "succeeded"


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_of_checkpoints_that_wait_only_the_newest_is_kept(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    office.submit(IRIS)
    lease = start(agent)
    old, new = CheckpointTaken(1, 1, b"one"), CheckpointTaken(2, 1, b"two")
    pool.say(lease, epoch(1), old, epoch(2), new)
    agent.listen(0)
    assert [type(word).__name__ for word in agent.held[lease].outbox] == [
        "EpochEnded",
        "EpochEnded",
        "CheckpointTaken",
    ]
    assert agent.held[lease].outbox[-1] is new


def test_when_too_much_is_unwritten_nobody_is_listened_to(
    office: Office, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.submit(IRIS)
    lease = start(agent)
    monkeypatch.setattr(module, "MOST_UNWRITTEN", 2)
    pool.say(lease, epoch(1), epoch(2))
    agent.listen(0)
    pool.say(lease, epoch(3))
    started = time.monotonic()
    agent.listen(0.05)
    assert time.monotonic() - started >= 0.05
    assert len(agent.held[lease].outbox) == 2
    agent.report()
    agent.listen(0)
    assert len(agent.held[lease].outbox) == 1


def test_it_reports_at_once_when_rung_soon_when_words_wait_and_each_second_anyway(
    office: Office, agent: Agent, pool: ScriptedPool
) -> None:
    office.submit(IRIS)
    lease = start(agent)
    agent.tick()
    assert pool.timeouts.pop() == 0.0  # it had never reported
    reported_at = agent.reported_at
    agent.tick()
    assert 0.05 < pool.timeouts.pop() <= agent.settings.poll_seconds
    assert agent.reported_at == reported_at
    pool.say(lease, epoch(1))
    agent.listen(0)
    agent.reported_at = time.monotonic() - 0.05
    agent.tick()
    assert 0.03 < pool.timeouts.pop() <= 0.05
    assert agent.held[lease].outbox
    agent.reported_at = time.monotonic() - 0.2
    agent.tick()
    assert pool.timeouts.pop() == 0.0
    assert not agent.held[lease].outbox
    agent.ring()
    assert (agent.reported_at, pool.rung) == (0.0, 2)
    agent.tick()
    assert agent.reported_at > reported_at


def test_when_every_process_is_busy_it_listens_until_the_next_report(
    office: Office, settings: Settings, pool: ScriptedPool
) -> None:
    agent = Agent(office.database, office.library, settings.model_copy(update={"workers": 1}), pool)
    office.submit(IRIS | {"seeds": [0, 1]})
    start(agent)
    agent.report()
    agent.tick()
    assert pool.timeouts.pop() == pytest.approx(1.0, abs=0.05)
    assert len(agent.held) == 1


def test_an_idle_agent_only_reads(office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "claim", None)
    assert not agent.claim()


def test_a_run_that_another_agent_takes_first_is_none_of_its_business(
    office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "has_work", lambda _: True)
    assert not agent.claim()
    assert agent.held == {}


def test_it_runs_until_stopped_whatever_happens(
    office: Office,
    agent: Agent,
    pool: ScriptedPool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "HAND_BACK_SECONDS", 0.2)
    id_ = office.submit(IRIS)
    tick, troubles = agent.tick, iter([AWAY, ValueError("a bug")])

    def troubled() -> None:
        if trouble := next(troubles, None):
            raise trouble
        tick()

    monkeypatch.setattr(agent, "tick", troubled)
    with caplog.at_level(logging.ERROR):
        agent.start()
        office.wait(id_, lambda run: run.status == "running")
        agent.stop()
    assert pool.closed
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "the database does not answer",
        "the agent could not go on",
    ]


def test_a_stop_does_not_wait_for_ever(
    office: Office, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HAND_BACK_SECONDS", 0.3)
    id_ = office.submit(IRIS)
    lease = start(agent)
    started = time.monotonic()
    agent.request_stop()
    assert pool.rung >= 1
    agent.run()
    assert 0.3 <= time.monotonic() - started < 2
    assert pool.orders == [(lease, "release")]
    assert pool.closed
    assert office.run(id_).status == "running"


def test_its_engine_rings_it_for_as_long_as_it_works(
    office: Office, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    class Engine(NoEngine):
        @contextmanager
        def listening(self, agent: Rung) -> Iterator[None]:
            seen.append(agent)
            yield
            seen.append("over")

    monkeypatch.setattr(agent, "engine", Engine())
    agent.start()
    agent.stop()
    assert seen == [agent, "over"]


def test_names_tell_agents_apart(office: Office, settings: Settings) -> None:
    names = {Agent(office.database, office.library, settings, ScriptedPool()).name for _ in range(2)}
    assert len(names) == 2
