import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service_process import all_ended
from tests.workers.computing.functions import imported, kill_itself, refuse
from workers.computing.client import ComputingClient


@pytest.fixture(scope="module")
def computing() -> Iterator[ComputingClient]:
    computing = ComputingClient()
    yield computing
    computing.close()


def test_functions_are_called_in_one_other_process_that_has_imported_nothing_else(
    computing: ComputingClient,
) -> None:
    process, has_numpy = computing.call(imported, "numpy")
    assert process == computing.process_id != os.getpid()
    assert not has_numpy
    assert computing.call(imported, name="workers.computing.client") == (process, True)


def test_an_error_is_raised_here_with_its_traceback(computing: ComputingClient) -> None:
    with pytest.raises(ValueError, match="refused") as raised:
        computing.call(refuse)
    assert Path(__file__).with_name("functions.py").name in "".join(raised.value.__notes__)


def test_a_process_that_was_killed_is_replaced(computing: ComputingClient) -> None:
    with pytest.raises(MemoryError, match="kill_itself was killed"):
        computing.call(kill_itself)
    process, _ = computing.call(imported, "numpy")
    os.kill(process, signal.SIGKILL)
    assert all_ended([process], within=10)
    assert computing.call(imported, "numpy")[0] != process


def test_many_calls_leave_one_thread_that_waits_for_the_process_to_be_idle() -> None:
    before = threading.active_count()
    computing = ComputingClient()
    for _ in range(20):
        computing.call(imported, "numpy")
    assert threading.active_count() <= before + 1
    computing.close()


def test_the_process_ends_when_it_is_idle() -> None:
    computing = ComputingClient(idle_seconds=0.1)
    process, _ = computing.call(imported, "numpy")
    assert all_ended([process], within=10)
    assert computing.call(imported, "numpy")[0] != process
    computing.close()
