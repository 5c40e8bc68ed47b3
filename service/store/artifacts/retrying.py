"""Tries again what an artifact store that is away refuses, with pauses that grow."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event
from typing import Any, TypeVar

from service.pauses import growing_pauses
from service.store.artifacts.blob_store import BlobStoreUnavailable

T = TypeVar("T")


def call_until_cancelled(future: Future[Any], action: Callable[[], T]) -> T | None:
    """What `action` returns, however often it has to be called; None once `future` is cancelled."""
    cancelled = Event()
    future.add_done_callback(lambda _: cancelled.set())
    for pause in growing_pauses():
        try:
            return action()
        except BlobStoreUnavailable:
            if cancelled.wait(pause):
                break
    return None
