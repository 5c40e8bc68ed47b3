"""A process that does something long ends with its parent: the fork server compiles kernels for half a minute."""

import signal
import subprocess
import sys
import threading

from tests.service_process import all_ended
from workers.processes.orphan_watch import exits_with_parent

CHILD = """
import time
from workers.processes.orphan_watch import exits_with_parent
with exits_with_parent():
    print("watching", flush=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        sum(range(10_000))  # as a compiler does, it never waits
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def test_a_process_ends_when_its_parent_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all_ended([child], within=20)


def test_afterwards_no_thread_is_left() -> None:
    before = threading.active_count()
    with exits_with_parent():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
