"""Coalesces writes: head and body of a response leave in one packet. uvicorn writes them separately, which costs a
system call more at both ends.
"""

import asyncio
from collections.abc import Iterable
from typing import Any


class CoalescingTransport:
    """A transport that delays a write until the next one, or until the end of this iteration of the event loop.

    At most one write is delayed, so that flow control still pauses a sender of large bodies.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._delayed = b""
        self._is_scheduled = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Delay these bytes, or send them together with the delayed ones."""
        if self._delayed:
            delayed, self._delayed = self._delayed, b""
            self._transport.write(delayed + data)
            return
        self._delayed = data
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._end_iteration)

    def writelines(self, chunks: Iterable[bytes]) -> None:
        """Write all chunks as one."""
        self.write(b"".join(chunks))

    def write_eof(self) -> None:
        """Send the delayed bytes, and close for writing."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send the delayed bytes, and close."""
        self._flush()
        self._transport.close()

    def _end_iteration(self) -> None:
        self._is_scheduled = False
        self._flush()

    def _flush(self) -> None:
        if self._delayed and not self._transport.is_closing():
            self._transport.write(self._delayed)
        self._delayed = b""
