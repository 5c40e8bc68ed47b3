"""Ends a process whose parent has died while it does something long. By itself it would notice only afterwards."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERVAL_SECONDS = 0.5


@contextmanager
def exits_with_parent() -> Iterator[None]:
    """While the body runs, exit as soon as the parent process has ended. Afterwards no thread is left."""
    parent, is_done = os.getppid(), threading.Event()

    def watch() -> None:
        while not is_done.wait(INTERVAL_SECONDS):
            if os.getppid() != parent:
                os._exit(1)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        is_done.set()
        watching.join()
