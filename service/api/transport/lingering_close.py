"""Lingering close: for a while read and discard what a client still sends, so that it can read the response.

A server that closes a connection with unread bytes resets it, and the reset overtakes the response: Python's urllib,
for one, then reports a broken pipe instead of 413. Time and bytes are limited, as in nginx.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

LINGER_SECONDS = 30.0
LINGER_PAUSE_SECONDS = 5.0
"""The longest time without a byte."""
LINGER_BYTES = 100_000_000


class Drain:
    """Counts discarded bytes. Calls `end` if they are too many, take too long, or pause."""

    def __init__(self, loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
        self._loop, self._end, self._left = loop, end, LINGER_BYTES
        self._whole = loop.call_later(LINGER_SECONDS, end)
        self._pause = loop.call_later(LINGER_PAUSE_SECONDS, end)

    def discard(self, size: int) -> None:
        """Count received bytes."""
        self._left -= size
        self._pause.cancel()
        if self._left < 0:
            self._end()
        else:
            self._pause = self._loop.call_later(LINGER_PAUSE_SECONDS, self._end)

    def cancel(self) -> None:
        self._whole.cancel()
        self._pause.cancel()


class LingeringTransport:
    """A transport that is closed in two steps while the client `is_sending`: first for writing, then entirely."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        is_sending: Callable[[], bool],
        resume: Callable[[], None],
    ) -> None:
        """`resume` continues reading if it was paused."""
        self._transport, self._loop = transport, loop
        self._is_sending, self._resume = is_sending, resume
        self.drain: Drain | None = None
        self.is_lingering = False
        """Whether nothing is written any more, and all received bytes are discarded."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.is_lingering or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self.is_lingering:
            self._transport.write(data)

    def writelines(self, chunks: Iterable[bytes]) -> None:
        self.write(b"".join(chunks))

    def close(self) -> None:
        """Close for writing; close entirely if the client sends nothing, or this was tried before."""
        if self.drain or self._transport.is_closing() or not self._is_sending():
            self.finish()
            return
        self._transport.write_eof()
        self.is_lingering = True
        self.begin_drain()
        self._resume()

    def begin_drain(self) -> None:
        """Count received bytes from now on; too many of them close the connection."""
        self.drain = self.drain or Drain(self._loop, self.finish)

    def end_drain(self) -> None:
        """Stop counting: the client has sent the rest of its request."""
        if self.drain:
            self.drain.cancel()
            self.drain = None

    def finish(self) -> None:
        """Close entirely, even if the client is still sending."""
        self.end_drain()
        self._transport.close()
