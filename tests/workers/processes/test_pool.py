"""The pool with real processes: every key ends with exactly one final event, whatever happens to its process."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.service_process import is_alive, parent_of
from workers.checkpoint import Checkpoint
from workers.data.prepared_splits import read_part, read_rows
from workers.evaluation.row_results import RowResults
from workers.processes import memory
from workers.processes.child import GRACE_SECONDS, READ_AHEAD
from workers.processes.messages import (
    Assignment,
    BaselinesFitted,
    CheckpointTaken,
    Died,
    EpochsEnded,
    Failed,
    FinalEvent,
    Stopped,
    Succeeded,
    WorkerEvent,
)
from workers.processes.pool import Pool
from workers.spec import ExperimentSpec

Assign = Callable[..., Assignment]


@pytest.fixture
def pool() -> Iterator[Pool[str]]:
    pool: Pool[str] = Pool()
    pool.receive(60)  # it returns once the pool is ready
    assert pool.is_ready
    yield pool
    pool.close()
    assert len(pool) == 0


@pytest.fixture
def assign(digits_folder: Path) -> Assign:
    """Make an assignment on digits. It is endless unless `epochs` is given."""

    def assign(*, epochs: int = 100_000, spec: str | None = None, **more: object) -> Assignment:
        small = {"model": {"hidden": [8]}, "training": {"epochs": epochs, "batch_size": 32}}
        written = spec or ExperimentSpec.model_validate(small).model_dump_json()
        return Assignment(written, 0, digits_folder, **more)  # type: ignore[arg-type]

    return assign


def listen(
    pool: Pool[str], until: Callable[[list[WorkerEvent]], object], *, seconds: float = 20
) -> list[WorkerEvent]:
    """Receive events until they are as wanted, and return them."""
    events: list[WorkerEvent] = []
    deadline = time.monotonic() + seconds
    while not until(events):
        assert time.monotonic() < deadline, events[-3:]
        events += [event for _, event in pool.receive(0.1)]
    return events


def is_over(events: list[WorkerEvent]) -> bool:
    return bool(events) and isinstance(events[-1], FinalEvent)


def numbers_of(events: list[WorkerEvent]) -> list[int]:
    """The numbers of the epochs that have ended."""
    ended = (event.epochs.numbers for event in events if isinstance(event, EpochsEnded))
    return [number for numbers in ended for number in numbers.tolist()]


def process_of(pool: Pool[str], key: str = "run") -> int:
    id_ = pool._children[key].process.pid
    assert id_ is not None
    return id_


def test_a_worker_sends_each_epoch_the_baseline_and_its_model(
    pool: Pool[str], assign: Assign, digits_folder: Path
) -> None:
    pool.start("run", assign(epochs=3))
    assert "run" in pool
    *events, last = listen(pool, is_over)
    assert numbers_of(events) == [1, 2, 3]
    assert [type(event) for event in events].count(BaselinesFitted) == 1
    assert isinstance(last, Succeeded)
    assert isinstance(last.model, bytes)
    assert "parameters" in Checkpoint.from_bytes(last.model).arrays
    assert isinstance(last.row_results, bytes)
    results, part = RowResults.from_bytes(last.row_results), read_part(digits_folder, "validation")
    assert results.rows.tolist() == read_rows(digits_folder, "validation").tolist()
    assert results.labels.tolist() == part.labels.tolist()
    assert "run" not in pool
    assert pool.receive(0) == []


def test_a_killed_worker_has_died(pool: Pool[str], assign: Assign) -> None:
    pool.start("run", assign())
    listen(pool, len)
    os.kill(process_of(pool), signal.SIGKILL)
    assert listen(pool, is_over)[-1] == Died(-signal.SIGKILL)
    assert len(pool) == 0


@pytest.mark.parametrize("command", ["cancel", "timeout"])
def test_a_command_ends_a_worker(pool: Pool[str], assign: Assign, command: str) -> None:
    pool.start("run", assign())
    listen(pool, len)
    pool.send("run", command)  # type: ignore[arg-type]
    assert listen(pool, is_over, seconds=2)[-1] == Stopped(command)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["a command", "SIGTERM"])
def test_a_released_worker_leaves_a_checkpoint(pool: Pool[str], assign: Assign, how: str) -> None:
    pool.start("run", assign())
    listen(pool, len)
    if how == "SIGTERM":
        os.kill(process_of(pool), signal.SIGTERM)
    else:
        pool.send("run", "release")
    *_, taken, last = listen(pool, is_over)
    assert isinstance(taken, CheckpointTaken)
    assert isinstance(taken.content, bytes)
    assert Checkpoint.from_bytes(taken.content).epoch == taken.epoch
    assert last == Stopped("release")


def test_only_the_first_command_counts(pool: Pool[str], assign: Assign) -> None:
    pool.start("run", assign())
    listen(pool, len)
    os.kill(process_of(pool), signal.SIGSTOP)
    pool.send("run", "cancel")
    pool.send("run", "release")
    os.kill(process_of(pool), signal.SIGCONT)
    assert listen(pool, is_over)[-1] == Stopped("cancel")


def test_a_worker_that_does_not_obey_a_command_is_killed(pool: Pool[str], assign: Assign) -> None:
    pool.start("run", assign())
    listen(pool, len)
    os.kill(process_of(pool), signal.SIGSTOP)
    pool.send("run", "cancel")
    started = time.monotonic()
    assert listen(pool, is_over)[-1] == Died(-signal.SIGKILL)
    assert GRACE_SECONDS["cancel"] <= time.monotonic() - started < 2


def test_a_command_to_a_dead_worker_changes_nothing(pool: Pool[str], assign: Assign) -> None:
    pool.start("run", assign())
    listen(pool, len)
    os.kill(process_of(pool), signal.SIGKILL)
    time.sleep(0.3)
    pool.send("run", "cancel")
    assert listen(pool, is_over)[-1] == Died(-signal.SIGKILL)


def test_a_stopped_worker_does_not_hold_up_the_others(pool: Pool[str], assign: Assign) -> None:
    pool.start("stopped", assign())
    listen(pool, len)
    os.kill(process_of(pool, "stopped"), signal.SIGSTOP)
    pool.start("run", assign(epochs=2))
    assert isinstance(listen(pool, is_over)[-1], Succeeded)


def test_a_discarded_worker_is_gone_and_its_events_are_dropped(pool: Pool[str], assign: Assign) -> None:
    pool.start("run", assign())
    listen(pool, len)
    process = process_of(pool)
    pool.discard("run")
    assert not Path(f"/proc/{process}").exists()
    assert pool.receive(0.3) == []


def test_a_key_can_be_used_again(pool: Pool[str], assign: Assign) -> None:
    pool.start("run", assign())
    listen(pool, len)
    pool.discard("run")
    pool.start("run", assign(epochs=1))
    events = listen(pool, is_over)
    assert numbers_of(events) == [1]
    assert isinstance(events[-1], Succeeded)


def test_a_worker_whose_events_are_not_received_pauses_and_loses_none(
    pool: Pool[str], assign: Assign
) -> None:
    pool.start("run", assign(epochs=100_000))
    deadline = time.monotonic() + 20
    while (waiting := pool._received.qsize()) < READ_AHEAD:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    assert pool._received.qsize() == waiting == READ_AHEAD
    events = listen(pool, lambda events: len(events) > 2 * READ_AHEAD)
    numbers = numbers_of(events)
    assert numbers == list(range(1, len(numbers) + 1))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_start_without_a_thread_leaves_no_process_and_no_descriptor(
    pool: Pool[str], assign: Assign, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    processes: list[int] = []
    start = ForkServerProcess.start

    def noted(process: ForkServerProcess) -> None:
        start(process)
        processes.append(process.pid or 0)

    def refused(_: object) -> None:
        raise error

    descriptors = open_descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(ForkServerProcess, "start", noted)
        patched.setattr(threading.Thread, "start", refused)
        with pytest.raises(type(error)):
            pool.start("run", assign())
    assert len(processes) == 1
    assert not is_alive(processes[0])
    assert len(pool) == 0
    assert open_descriptors() <= descriptors
    pool.start("run", assign(epochs=1))
    assert isinstance(listen(pool, is_over)[-1], Succeeded)


def test_without_descriptors_a_start_raises_and_leaves_nothing_behind(
    pool: Pool[str], assign: Assign
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    kept: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with suppress(OSError):
            while True:
                kept.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(2):
            with pytest.raises(OSError, match="Too many open files"):
                pool.start("run", assign())
            os.close(kept.pop())
        assert len(pool) == 0
    finally:
        for each in kept:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    pool.start("run", assign(epochs=1))
    assert isinstance(listen(pool, is_over)[-1], Succeeded)


def test_a_worker_whose_parent_is_killed_exits(assign: Assign, tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(PARENT.format(assignment=assign()))
    parent = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10  # it would train for hours
    while is_alive(worker):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.stdout.close()


PARENT = """
from pathlib import PosixPath
from workers.processes.messages import Assignment
from workers.processes.pool import Pool
pool = Pool()
pool.start("run", {assignment})
while not pool.receive(1):
    pass
print(pool._children["run"].process.pid, flush=True)
while True:
    pool.receive(1)
"""


def test_an_assignment_that_cannot_be_trained_fails_with_an_error(
    pool: Pool[str], assign: Assign, capfd: pytest.CaptureFixture[str]
) -> None:
    pool.start("run", assign(spec="{}", checkpoint=b"no checkpoint"))
    (event,) = listen(pool, is_over)
    assert event == Failed("error", "CorruptCheckpoint: not a checkpoint: JSONDecodeError")


def test_a_network_that_diverges_fails_as_diverged(pool: Pool[str], assign: Assign) -> None:
    wild = {"optimizer": {"name": "sgd", "learning_rate": 1e30}, "loss": "l2", "training": {"epochs": 5}}
    pool.start("run", assign(spec=ExperimentSpec.model_validate(wild).model_dump_json()))
    last = listen(pool, is_over)[-1]
    assert isinstance(last, Failed)
    assert last.cause == "diverged"


def test_a_worker_that_allocates_too_much_fails_as_out_of_memory(pool: Pool[str], assign: Assign) -> None:
    wide = ExperimentSpec.model_validate({"model": {"hidden": [30_000, 1000]}}).model_dump_json()
    pool.start("run", assign(spec=wide, memory_bytes=300_000_000))
    assert listen(pool, is_over) == [
        Failed("out_of_memory", "a worker process may allocate 300,000,000 bytes")
    ]


def test_a_worker_that_the_kernel_kills_for_lack_of_memory_fails_as_out_of_memory(
    pool: Pool[str], assign: Assign, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.start("run", assign())
    listen(pool, len)
    kills = memory.oom_kills()
    monkeypatch.setattr(memory, "oom_kills", lambda: kills + 1)
    os.kill(process_of(pool), signal.SIGKILL)
    last = listen(pool, is_over)[-1]
    assert isinstance(last, Failed)
    assert last.cause == "out_of_memory"


CGROUP = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def cage() -> Iterator[Path]:
    """A control group (version 1) with little memory."""
    cage = CGROUP / f"holdout-test-{os.getpid()}"
    try:
        cage.mkdir()
        (cage / "memory.limit_in_bytes").write_text(str(200 * 2**20))
    except OSError as error:
        pytest.skip(f"no control group for memory can be made here: {error}")
    yield cage
    cage.rmdir()


def test_the_kernel_kills_a_worker_when_memory_runs_out(pool: Pool[str], assign: Assign, cage: Path) -> None:
    """The server is moved before it forks: what a process allocated before it is moved would not be counted."""
    large = {"model": {"hidden": [8000, 2000]}, "training": {"epochs": 100}}
    pool.start("first", assign())
    server = parent_of(process_of(pool, "first"))
    pool.discard("first")
    (cage / "cgroup.procs").write_text(str(server))
    pool.start("run", assign(spec=ExperimentSpec.model_validate(large).model_dump_json()))
    (CGROUP / "cgroup.procs").write_text(str(server))
    last = listen(pool, is_over, seconds=60)[-1]
    assert isinstance(last, Failed)
    assert last.cause == "out_of_memory"
    assert "the kernel killed" in last.message


def test_wake_ends_a_receive(pool: Pool[str]) -> None:
    pool.wake()
    started = time.monotonic()
    assert pool.receive(5) == []
    assert time.monotonic() - started < 1
