"""Workers that cannot be started: the run is given back without a death, and the agent waits longer each time."""

import errno
import threading
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from service import start_failures
from service.agent.agent import Agent
from service.pauses import FIRST_SECONDS, LONGEST_SECONDS
from service.start_failures import MOST_FAILED_STARTS, StartPause
from service.temporary_errors import is_temporary
from tests.harness import IRIS, Harness
from tests.manual_clock import ManualClock
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import send, start
from tests.service.environments import started

NO_THREAD = RuntimeError("can't start new thread")
NO_DESCRIPTORS = OSError(errno.EMFILE, "Too many open files")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr(start_failures, "time", clock)
    return clock


def raising(error: Exception) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise error

    return refuse


@pytest.mark.parametrize("error", [NO_DESCRIPTORS, EOFError(), NO_THREAD, MemoryError(), ValueError("a bug")])
def test_whatever_a_start_raises_gives_the_run_back_without_a_death(
    harness: Harness,
    agent: Agent,
    pool: ScriptedPool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    id_ = harness.submit(IRIS)
    monkeypatch.setattr(pool, "start", raising(error))
    lease = start(agent)
    agent.flush()
    run = harness.run(id_)
    assert (run.status, run.deaths, agent.runs) == ("queued", 0, {})
    assert caplog.messages[0].startswith(
        f"run {lease.run_id} is given back, because no worker could be started; next try in 0.5 s:"
        f" {type(error).__name__}"
    )


@pytest.mark.parametrize("error", [NO_DESCRIPTORS, MemoryError()])
def test_so_does_a_preparation_without_descriptors_or_memory(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    id_ = harness.submit(IRIS)
    monkeypatch.setattr(harness.registry, "prepare_split", raising(error))
    start(agent)
    agent.flush()
    assert (harness.run(id_).status, harness.run(id_).deaths) == ("queued", 0)


def test_so_does_a_preparation_without_a_thread(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", raising(NO_THREAD))
        start(agent)
        agent.flush()
    assert (harness.run(id_).status, harness.run(id_).deaths) == ("queued", 0)


def test_a_cancelled_run_that_cannot_be_started_is_cancelled(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    monkeypatch.setattr(pool, "start", raising(NO_THREAD))
    start(agent)
    harness.cancel(id_)
    agent.flush()
    assert harness.run(id_).status == "cancelled"


def test_a_run_says_that_its_worker_could_not_be_started(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    id_ = harness.submit(IRIS)
    with monkeypatch.context() as patched:
        patched.setattr(pool, "start", raising(NO_DESCRIPTORS))
        start(agent)
        agent.flush()
    assert (harness.run(id_).waiting_for, harness.run(id_).failed_starts) == ("worker", 1)
    clock.time += LONGEST_SECONDS
    lease = start(agent)
    assert harness.run(id_).waiting_for is None
    send(agent, lease, started(), epoch(1))
    assert harness.run(id_).failed_starts == 0


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ValueError("a bug"), "error"), (EOFError(), "error"), (MemoryError(), "out_of_memory")],
)
def test_a_run_that_can_never_be_started_fails(
    harness: Harness,
    agent: Agent,
    pool: ScriptedPool,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    cause: str,
) -> None:
    id_ = harness.submit(IRIS)
    monkeypatch.setattr(pool, "start", raising(error))
    for attempt in range(1, MOST_FAILED_STARTS + 1):
        assert (harness.run(id_).status, harness.run(id_).failed_starts) == ("queued", attempt - 1)
        start(agent)
        agent.flush()
    run = harness.run(id_)
    assert (run.status, run.cause, run.deaths, run.waiting_for) == ("failed", cause, 0, None)
    assert run.message.startswith(f"no worker could be started for it in {MOST_FAILED_STARTS} attempts; ")
    assert type(error).__name__ in run.message
    assert harness.retry(id_) == 1
    assert harness.run(id_).failed_starts == 0


@pytest.mark.parametrize(
    "error", [NO_DESCRIPTORS, NO_THREAD, OSError(errno.ENOSPC, "No space left on device")]
)
def test_a_run_waits_for_ever_if_every_other_one_would_too(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    id_ = harness.submit(IRIS)
    monkeypatch.setattr(pool, "start", raising(error))
    for _ in range(MOST_FAILED_STARTS + 1):
        start(agent)
        agent.flush()
    assert (harness.run(id_).status, harness.run(id_).waiting_for) == ("queued", "worker")


def test_the_agent_claims_nothing_during_the_pause_and_goes_on_after_it(
    harness: Harness, agent: Agent, pool: ScriptedPool, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    id_ = harness.submit(IRIS)
    with monkeypatch.context() as patched:
        patched.setattr(pool, "start", raising(NO_DESCRIPTORS))
        start(agent)
        agent.tick()
    assert (harness.run(id_).status, harness.run(id_).attempt) == ("queued", 1)
    agent.tick()
    assert harness.run(id_).attempt == 1
    clock.time += FIRST_SECONDS
    start(agent)
    assert harness.run(id_).status == "running"
    assert not agent.start_pause.lasts
    assert agent.start_pause.failed() == FIRST_SECONDS


def test_the_pause_doubles_up_to_its_limit(clock: ManualClock) -> None:
    pause = StartPause()
    assert not pause.lasts
    seconds = [pause.failed() for _ in range(8)]
    assert seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_SECONDS, LONGEST_SECONDS]
    clock.time += LONGEST_SECONDS - 0.1
    assert pause.lasts
    clock.time += 0.2
    assert not pause.lasts


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (NO_DESCRIPTORS, True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EACCES, "Permission denied"), True),
        (OSError("anything"), False),
        (NO_THREAD, True),
        (RuntimeError("no such thing"), False),
        (MemoryError(), True),
        (OperationalError("SELECT 1", {}, Exception()), True),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_every_run_would_meet_is_temporary(error: Exception, temporary: bool) -> None:
    assert is_temporary(error) is temporary
