"""A process trains one run after another, but only after a success, and the runs do not notice."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service_process import all_ended, is_alive
from workers.processes import child
from workers.processes import pool as module
from workers.processes.messages import (
    Assignment,
    Command,
    EpochsEnded,
    Failed,
    FinalEvent,
    Stopped,
    Succeeded,
)
from workers.processes.pool import Pool
from workers.processes.process_loop import main
from workers.spec import ExperimentSpec


@pytest.fixture
def pool() -> Iterator[Pool[str]]:
    pool: Pool[str] = Pool()
    pool.receive(60)  # it returns once the pool is ready
    yield pool
    pool.close()


@pytest.fixture
def short(digits_folder: Path) -> Assignment:
    spec = {"model": {"hidden": [8], "dropout": 0.2}, "training": {"epochs": 2, "batch_size": 32}}
    return Assignment(ExperimentSpec.model_validate(spec).model_dump_json(), 0, digits_folder)


@pytest.fixture
def endless(digits_folder: Path) -> Assignment:
    spec = {"model": {"hidden": [8]}, "training": {"epochs": 100_000}}
    return Assignment(ExperimentSpec.model_validate(spec).model_dump_json(), 0, digits_folder)


def start(pool: Pool[str], key: str, assignment: Assignment) -> int:
    """Start a run. Returns the id of its process."""
    pool.start(key, assignment)
    id_ = pool._children[key].process.pid
    assert id_ is not None
    return id_


def end_of(pool: Pool[str], key: str) -> tuple[list[bytes], FinalEvent]:
    """The bits of the metrics of each part of each epoch of a run, and its end."""
    epochs: list[bytes] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for found, event in pool.receive(0.1):
            assert found == key
            if isinstance(event, EpochsEnded):
                epochs += [row.tobytes() for row in event.epochs.evaluations.metrics]
            if isinstance(event, FinalEvent):
                return epochs, event
    raise TimeoutError(key)


def test_a_second_run_has_the_process_of_the_first_and_the_same_bits(
    pool: Pool[str], short: Assignment
) -> None:
    first = start(pool, "first", short)
    epochs, end = end_of(pool, "first")
    assert start(pool, "second", short) == first
    again, second_end = end_of(pool, "second")
    assert again == epochs
    assert isinstance(end, Succeeded)
    assert isinstance(second_end, Succeeded)
    assert second_end.model == end.model
    assert second_end.row_results == end.row_results


@pytest.mark.parametrize("command", ["cancel", "timeout", "release"])
def test_a_stopped_run_leaves_no_process(
    pool: Pool[str], short: Assignment, endless: Assignment, command: Command
) -> None:
    first = start(pool, "first", endless)
    while not pool.receive(1):
        pass
    pool.send("first", command)
    assert end_of(pool, "first")[1] == Stopped(command)
    assert not is_alive(first)
    assert start(pool, "second", short) != first
    assert isinstance(end_of(pool, "second")[1], Succeeded)


def test_a_failed_run_leaves_no_process(pool: Pool[str], short: Assignment) -> None:
    broken = Assignment("{}", 0, short.split_folder, checkpoint=b"no checkpoint")
    first = start(pool, "first", broken)
    assert isinstance(end_of(pool, "first")[1], Failed)
    assert start(pool, "second", short) != first
    assert isinstance(end_of(pool, "second")[1], Succeeded)


def test_a_command_that_comes_after_the_end_does_not_reach_the_next_run(
    pool: Pool[str], short: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool would not use the process again, so this sends the command behind its back."""
    first = start(pool, "first", short)
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    pool._idle[0]._connection.send("cancel")
    assert start(pool, "second", short) == first
    assert isinstance(end_of(pool, "second")[1], Succeeded)


def test_a_process_that_was_told_to_stop_too_late_is_not_used_again(
    pool: Pool[str], short: Assignment
) -> None:
    first = start(pool, "first", short)
    while pool._received.qsize() < 2:  # the end may be among what was read
        time.sleep(0.05)
    time.sleep(0.3)
    pool.send("first", "cancel")
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    assert start(pool, "second", short) != first
    assert isinstance(end_of(pool, "second")[1], Succeeded)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_while_it_waits_costs_no_run(
    pool: Pool[str], short: Assignment, sent: signal.Signals
) -> None:
    first = start(pool, "first", short)
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    time.sleep(0.2)  # until it waits
    os.kill(first, sent)
    deadline = time.monotonic() + 10
    while pool._idle:
        assert time.monotonic() < deadline
        assert pool.receive(0.05) == []
    assert start(pool, "second", short) != first
    assert isinstance(end_of(pool, "second")[1], Succeeded)


def test_a_process_that_has_just_ended_is_not_given_a_run(
    pool: Pool[str], short: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parent may not have heard of the end: then the pipe tells."""
    first = start(pool, "first", short)
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    os.kill(first, signal.SIGKILL)
    assert all_ended([first], within=10)
    monkeypatch.setattr(child.Child, "can_serve", lambda *_: True)
    time.sleep(0.2)
    assert start(pool, "second", short) != first
    assert isinstance(end_of(pool, "second")[1], Succeeded)


def test_another_memory_limit_needs_another_process(pool: Pool[str], short: Assignment) -> None:
    first = start(pool, "first", short)
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    limited = Assignment(short.spec, 0, short.split_folder, memory_bytes=2_000_000_000)
    assert start(pool, "second", limited) != first
    assert not is_alive(first)
    assert isinstance(end_of(pool, "second")[1], Succeeded)


def test_a_process_trains_a_limited_number_of_runs(
    pool: Pool[str], short: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "MOST_RUNS", 2)
    processes = []
    for key in ("first", "second", "third"):
        processes.append(start(pool, key, short))
        assert isinstance(end_of(pool, key)[1], Succeeded)
    assert processes[0] == processes[1] != processes[2]


def test_an_idle_process_is_ended(
    pool: Pool[str], short: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    first = start(pool, "first", short)
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    time.sleep(0.2)
    assert pool.receive(0) == []
    assert not is_alive(first)
    assert pool.receive(0.2) == []


def test_closing_the_pool_ends_idle_processes(short: Assignment) -> None:
    pool: Pool[str] = Pool()
    first = start(pool, "first", short)
    assert isinstance(end_of(pool, "first")[1], Succeeded)
    pool.close()
    assert not is_alive(first)


class Unreadable:
    """Raises MemoryError where it is received."""

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        return run_out_of_memory, ()


def run_out_of_memory() -> object:
    raise MemoryError


def test_a_process_that_cannot_receive_its_assignment_exits() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(theirs, None), daemon=True)
    with ours, theirs:
        process.start()
        ours.send(Unreadable())
        process.join(30)
        assert process.exitcode == 1
    process.close()
