"""Head and body of an answer in one packet: uvicorn writes them apart, and the kernel is paid twice, at both ends."""

import asyncio
from collections.abc import Iterable
from typing import Any


class CoalescingTransport:
    """A transport that holds what is written until more is, in the same turn of the event loop, or the turn is over.

    No more than one piece is held, so that whoever sends much is still told when to pause.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""
        self._is_due = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold it, or send it on with what is held."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
            return
        self._held = data
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._end_turn)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """The same as writing all of them at once."""
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        """Send what is held, and close for writing."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what is held, and close."""
        self._flush()
        self._transport.close()

    def _end_turn(self) -> None:
        self._is_due = False
        self._flush()

    def _flush(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(self._held)
        self._held = b""
