"""Tells errors that say that the machine, or a process, has run out of something."""

import errno
import os

USED_UP = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT}
"""Error numbers of an operating system that has run out of something."""
UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
"""Those of a disk that takes nothing, until somebody gives the rights back."""
EXHAUSTED = USED_UP | UNWRITABLE


def is_exhausted(error: Exception) -> bool:
    """Whether an error says that something of the machine was used up."""
    if isinstance(error, OSError):
        return error.errno in EXHAUSTED
    is_without_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    is_without_library = isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error)
    return is_without_thread or is_without_library or isinstance(error, MemoryError)
