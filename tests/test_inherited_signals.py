"""Programs that tests start stop at a signal, whatever the shell of the tests ignores."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, subprocess, sys
from tests.inherited_signals import keep_from_child_processes

number = signal.Signals[sys.argv[1]]
signal.signal(number, signal.SIG_IGN)
keep_from_child_processes()
signal.raise_signal(number)
started = "import signal; print(signal.getsignal(signal.Signals." + number.name + ") is not signal.SIG_IGN)"
subprocess.run([sys.executable, "-c", started], check=True)
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_program_does_not_inherit_that_the_tests_ignore_a_signal(number: signal.Signals) -> None:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, number.name], capture_output=True, text=True, check=True
    )
    assert found.stdout == "True\n"
