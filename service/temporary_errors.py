"""Tells errors that say nothing about the work: something of the machine was used up, or the database was away."""

import errno
import os

from sqlalchemy.exc import DBAPIError

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""Error numbers of an operating system that has run out of something, or of a disk that takes no more."""


class Exhausted(Exception):
    """The machine, or this process, has run out of something that a request needs."""

    def __init__(self) -> None:
        super().__init__("The service has run out of descriptors, threads, memory or disk. Try again later.")


def is_temporary(error: Exception) -> bool:
    """Whether an error says nothing about a run or a job: something was used up, or away, and each would meet it."""
    return is_exhausted(error) or isinstance(error, DBAPIError)


def is_exhausted(error: Exception) -> bool:
    """Whether an error says that something of the machine was used up."""
    if isinstance(error, OSError):
        return error.errno in EXHAUSTED
    is_without_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    is_without_library = isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error)
    return is_without_thread or is_without_library or isinstance(error, MemoryError)
