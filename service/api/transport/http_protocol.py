"""Heads of requests, limited, and what is sent after an early answer: uvicorn limits neither in size nor in time.

Before its head has ended nobody knows whose request it is: this is what anybody could use up the memory with.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.api.errors.problems import Problem, ProblemType
from service.api.transport import lingering_close
from service.api.transport.lingering_close import LingeringTransport

MOST_HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0

MALFORMED = Problem(
    ProblemType("about:blank", 400, "Bad Request"), "This is not a request as HTTP/1.1 describes one."
)
TOO_LARGE = Problem(
    ProblemType("about:blank", 431, "Request Header Fields Too Large"),
    f"The request line and the headers are larger than {MOST_HEAD_BYTES:,} bytes.",
)
TOO_SLOW = Problem(
    ProblemType("about:blank", 408, "Request Timeout"),
    f"The headers did not arrive within {HEAD_SECONDS:.0f} seconds.",
)


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection. While a head is awaited there is a deadline, and what has come of it is counted."""

    _deadline: asyncio.TimerHandle | None = None
    _received = 0
    _asked = False
    """Whether anything of a request has come."""
    _is_sending = False
    """Whether a request has begun to come, and not ended."""
    _wire: LingeringTransport

    def connection_made(self, transport: Any) -> None:
        self._wire = LingeringTransport(
            transport,
            self.loop,
            is_sending=lambda: self._is_sending,
            resume=lambda: self.flow.resume_reading(),
        )
        super().connection_made(self._wire)  # type: ignore[arg-type]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_over()
        self._wire.end_drain()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._await_head()
        self._asked = self._is_sending = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_over()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_sending = False
        self._wire.end_drain()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer that came before the end of its request: the rest is read, within bounds."""
        super().on_response_complete()
        if self._is_sending and not self.transport.is_closing():
            self._wire.begin_drain()

    def shutdown(self) -> None:
        """The service stops: nothing more is waited for but answers that are under way."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it, and sets it later
        if cycle is None or cycle.response_complete:
            self._wire.finish()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._wire.drain:
            self._wire.drain.discard(len(data))
        if self.transport.is_closing():
            return
        awaited = self._deadline
        super().data_received(data)
        if awaited is not None and awaited is self._deadline:
            self._received += len(data)
            if self._received > MOST_HEAD_BYTES:
                self._refuse(TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, as every other error is answered."""
        self._refuse(MALFORMED)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        if cycle.waiting_for_100_continue or _may_exceed_drain(cycle.scope):
            app = _closing_if_early(cycle, app)
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

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
        cycle: RequestResponseCycle | None = self.cycle
        under_way = cycle is not None and cycle.response_started and not cycle.response_complete
        if not self.transport.is_closing() and not under_way and (self._asked or problem is MALFORMED):
            self.transport.write(_raw(problem))
        if problem is TOO_SLOW:
            self._wire.finish()  # nothing is on its way
            return
        self._is_sending = True
        self.transport.close()


def _may_exceed_drain(scope: Any) -> bool:
    """Whether the body may be larger than what is discarded after an early answer."""
    lengths = [int(value[:20]) for name, value in scope["headers"] if name == b"content-length"]
    is_chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    return is_chunked or max(lengths, default=0) > lingering_close.LINGER_BYTES


def _closing_if_early(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """The application, whose answer says that the connection ends if it comes before the end of the body.

    The client then sends no other request there. It is for bodies of which it is not known whether their end will be
    read: a client that was not told to go on may send it or not, and one that is too large is cut off.
    """

    async def closing(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and cycle.more_body:
                cycle.keep_alive = False
            await send(message)

        await app(scope, receive, sending)

    return closing


def _raw(problem: Problem) -> bytes:
    response = problem.response("")
    headers = [*response.raw_headers, (b"connection", b"close")]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[response.status_code] + lines + b"\r\n" + bytes(response.body)
