"""Heads of requests, limited: how large they become, and how long they take. uvicorn limits neither.

Before its head has ended nobody knows whose request it is: this is what anybody could use up the memory with.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.api.gathering import Gathering
from service.api.problems import Kind, Problem

MOST_HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0

MALFORMED = Problem(
    Kind("about:blank", 400, "Bad Request"), "This is not a request as HTTP/1.1 describes one."
)
TOO_LARGE = Problem(
    Kind("about:blank", 431, "Request Header Fields Too Large"),
    f"The request line and the headers are larger than {MOST_HEAD_BYTES:,} bytes.",
)
TOO_SLOW = Problem(
    Kind("about:blank", 408, "Request Timeout"),
    f"The headers did not arrive within {HEAD_SECONDS:.0f} seconds.",
)


class Protocol(HttpToolsProtocol):
    """One connection. While a head is awaited there is a deadline, and what has come of it is counted."""

    _deadline: asyncio.TimerHandle | None = None
    _received = 0
    _asked = False
    """Whether anything of a request has come."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_over()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._await_head()
        self._asked = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_over()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        awaited = self._deadline
        super().data_received(data)
        if awaited is not None and awaited is self._deadline:
            self._received += len(data)
            if self._received > MOST_HEAD_BYTES:
                self._refuse(TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, as every other error is answered."""
        self._refuse(MALFORMED)

    def _await_head(self) -> None:
        self._head_is_over()
        self._received = 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, TOO_SLOW)

    def _head_is_over(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, problem: Problem) -> None:
        """Answer and close; without a word where another answer is under way, or nothing was asked."""
        self._head_is_over()
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it, and sets it later
        under_way = cycle is not None and cycle.response_started and not cycle.response_complete
        if not self.transport.is_closing() and not under_way and (self._asked or problem is MALFORMED):
            self.transport.write(_raw(problem))
        self.transport.close()


def _raw(problem: Problem) -> bytes:
    response = problem.response("")
    headers = [*response.raw_headers, (b"connection", b"close")]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[response.status_code] + lines + b"\r\n" + bytes(response.body)
