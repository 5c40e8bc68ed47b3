"""Functions that tests have called in another process."""

import os
import signal
import sys
from typing import Any


def imported(name: str) -> tuple[int, bool]:
    """The process, and whether it has imported a module."""
    return os.getpid(), name in sys.modules


def refuse(*_: Any, **__: Any) -> None:
    raise ValueError("refused")


def kill_itself(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
