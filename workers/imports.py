"""Imports a program without garbage collections."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Collect no garbage within the context, which imports modules, and leave out of later collections what it made.

    Half a million objects come to stay. To look among them for garbage, again and again, is a sixth of the time that
    the API takes to import, and would stop all its threads for 0.15 s whenever a collection is a full one.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
