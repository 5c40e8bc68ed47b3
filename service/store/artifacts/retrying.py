"""Tries again what an artifact store that is away refuses, with pauses that grow."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Event
from typing import Any, TypeVar

from service.store.artifacts.blob_store import BlobStoreUnavailable

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

T = TypeVar("T")


def call_until_cancelled(future: Future[Any], action: Callable[[], T]) -> T | None:
    """What `action` returns, however often it has to be called; None once `future` is cancelled."""
    cancelled = Event()
    future.add_done_callback(lambda _: cancelled.set())
    for pause in pauses():
        try:
            return action()
        except BlobStoreUnavailable:
            if cancelled.wait(pause):
                break
    return None


def pauses() -> Iterator[float]:
    """Seconds between attempts: twice as long each time, up to a limit."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
