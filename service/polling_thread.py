"""A thread that does one kind of work whenever there is some, and goes on after any failure."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from service.pauses import growing_pauses

POLL_SECONDS = 1.0


class PollingThread:
    """Calls `work` until it returns False, then waits for `wake`, at most POLL_SECONDS, and calls it again.

    `running` runs it. If `work` raises, the error is logged after the sentence `failure`, and the next call comes
    after a pause that grows with each failure in a row.
    """

    def __init__(self, name: str, work: Callable[[], bool], log: logging.Logger, failure: str) -> None:
        self._name, self._work, self._log, self._failure = name, work, log, failure
        self._waking = threading.Event()
        self.stopping = threading.Event()
        """Set when the context of `running` ends: `work` should then return soon."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work for as long as the context lasts; its end waits for the present call."""
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            self.wake()
            thread.join()

    def wake(self) -> None:
        """Look for work at once. Safe from any thread."""
        self._waking.set()

    def _run(self) -> None:
        pauses = growing_pauses()
        while not self.stopping.is_set():
            try:
                if not self._work():
                    self._waking.wait(POLL_SECONDS)
                    self._waking.clear()
                pauses = growing_pauses()
            except Exception as error:
                known = error.orig if isinstance(error, DBAPIError) else error
                self._log.error("%s; trying again: %s: %s", self._failure, type(known).__name__, known)
                self.stopping.wait(next(pauses))
