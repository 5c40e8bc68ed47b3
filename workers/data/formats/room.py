"""The room that an upload has once it is unpacked: a limit of its size, and what the disk can spare."""

import errno
from dataclasses import dataclass

from workers.data.errors import FileTooLarge

LARGEST_FILE = 2**32


@dataclass(frozen=True)
class Room:
    """file: the name of the upload in messages. most: bytes that may be read; free: bytes that the disk can hold."""

    file: str
    most: int = LARGEST_FILE
    free: int = 2**62

    def require(self, size: int) -> None:
        """Raise FileTooLarge if so many bytes are too many, and OSError if the disk has no room for them."""
        if size > self.most:
            right = f"at most {self.most:,} are read (HOLDOUT_MAX_UNPACKED_BYTES)"
            raise FileTooLarge(self.file, f"holds {size:,} bytes or more once it is unpacked", right)
        if size > self.free:
            raise OSError(errno.ENOSPC, "the disk has no room for reading the upload")
