"""Checks that the artifact store can be written, read and deleted from, in a thread, while others go on."""

import time
from contextlib import suppress
from threading import Lock, Thread

from service.store.artifacts.blob_store import BlobStore, BlobStoreUnavailable

CHECKED_SECONDS = 60.0
"""How long a check that succeeded counts."""
RETRIED_SECONDS = 5.0
"""How long one that failed does."""


class StoreCheck:
    """The last check of a store. Nobody waits for the next one."""

    def __init__(self, files: BlobStore) -> None:
        self._files = files
        self._due = 0.0
        self._running: Thread | None = None
        self._lock = Lock()
        self._failed = False

    def has_failed(self) -> bool:
        """Whether the store could not be used when it was checked last. Starts a check that is due."""
        with self._lock:
            if time.monotonic() >= self._due and not (self._running and self._running.is_alive()):
                self._running = Thread(target=self.run, name="store check", daemon=True)
                with suppress(RuntimeError):  # no thread can be started: the next call tries again
                    self._running.start()
        return self._failed

    def run(self) -> None:
        """Check the store now."""
        try:
            self._files.check()
            self._failed = False
        except BlobStoreUnavailable:
            self._failed = True
        self._due = time.monotonic() + (RETRIED_SECONDS if self._failed else CHECKED_SECONDS)
