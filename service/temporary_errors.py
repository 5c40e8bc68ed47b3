"""Tells errors that say nothing about the work: something of the machine was used up, or the database was away."""

import errno

from sqlalchemy.exc import DBAPIError

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""Error numbers of an operating system that has run out of something, or of a disk that takes no more."""


def is_temporary(error: Exception) -> bool:
    """Whether an error says nothing about a run or a job: something was used up, or away, and each would meet it."""
    if isinstance(error, OSError):
        return error.errno in EXHAUSTED
    is_without_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return is_without_thread or isinstance(error, MemoryError | DBAPIError)
