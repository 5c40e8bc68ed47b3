"""The HTTP protocol of a connection, with limits on request heads, trailers, and bodies after an early response.

uvicorn limits neither in size nor in time. Until the head of a request is complete, its caller is unknown: without a
limit, any client could use up the memory. The trailers of a chunked body are limited in the same way, and dropped.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.api.errors.problems import Problem, ProblemType
from service.api.transport import lingering_close
from service.api.transport.lingering_close import LingeringTransport
from service.operations import descriptors

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
    """One connection. The head of a request has a deadline, and its bytes are counted.

    So has what a chunked body has around its content: the head of each chunk, and the trailers.
    """

    _deadline: asyncio.TimerHandle | None = None
    _received = 0
    _has_begun = False
    """Whether any byte of a request has been received."""
    _has_head = False
    """Whether the headers are complete, so that any that follow are trailers."""
    _is_sending = False
    """Whether a request has begun and not ended."""
    _lingering: LingeringTransport
    made_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self.made_at = self.loop.time()
        self._lingering = LingeringTransport(
            transport,
            self.loop,
            is_sending=lambda: self._is_sending,
            resume=lambda: self.flow.resume_reading(),
        )
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self._expect_head()
        if len(self.connections) > descriptors.most_connections():
            self._make_room()

    def _make_room(self) -> None:
        """Close the longest silent connection, or else this one: the rest of the process needs descriptors too."""
        silent = (each for each in self.connections if isinstance(each, LimitedHttpProtocol))
        oldest = min((each for each in silent if each.is_silent), key=lambda each: each.made_at, default=self)
        oldest.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether no byte of a request has been received on it."""
        return not self._has_begun and not self._received

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        self._lingering.end_drain()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._expect_head()
        self._has_head = False
        self._has_begun = self._is_sending = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. Trailers are dropped: no route reads them."""
        if not self._has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_head()
        self._has_head = True
        super().on_headers_complete()
        if _is_chunked(self.scope):
            self._expect_head()

    def on_body(self, body: bytes) -> None:
        self._end_head()
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        """Expect the head of the next chunk or, after the last one, trailers."""
        self._expect_head()

    def on_message_complete(self) -> None:
        self._end_head()
        self._is_sending = False
        self._lingering.end_drain()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Read the rest of the request, within limits, if the response came before its end."""
        super().on_response_complete()
        if self._is_sending and not self.transport.is_closing():
            self._lingering.begin_drain()

    def shutdown(self) -> None:
        """The service stops: wait only for responses that are being sent."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it, and sets it later
        if cycle is None or cycle.response_complete:
            self._lingering.finish()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        if self._lingering.drain:
            self._lingering.drain.discard(len(data))
        if self.transport.is_closing():
            return
        deadline = self._deadline
        super().data_received(data)
        if deadline is not None and deadline is self._deadline:
            self._received += len(data)
            if self._received > MOST_HEAD_BYTES:
                self._refuse(TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are no HTTP with a problem, like every other error."""
        self._refuse(MALFORMED)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        if cycle.waiting_for_100_continue or _may_exceed_drain(cycle.scope):
            app = _closing_if_early(cycle, app)
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _expect_head(self) -> None:
        self._end_head()
        self._received = 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _end_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        """Refuse a head that is too slow, unless it is this service that does not read on."""
        if self.flow.read_paused:
            self._expect_head()
        elif not self._lingering.is_lingering:  # that has limits of its own
            self._refuse(TOO_SLOW)

    def _refuse(self, problem: Problem) -> None:
        """Send a problem and close; only close if another response is being sent, or no request has begun."""
        self._end_head()
        cycle: RequestResponseCycle | None = self.cycle
        is_responding = cycle is not None and cycle.response_started and not cycle.response_complete
        if (
            not self.transport.is_closing()
            and not is_responding
            and (self._has_begun or problem is MALFORMED)
        ):
            self.transport.write(_raw(problem))
        if problem is TOO_SLOW:
            self._lingering.finish()  # the client is not sending
            return
        self._is_sending = True
        self.transport.close()


def _may_exceed_drain(scope: Any) -> bool:
    """Whether the body may be larger than what is discarded after an early response."""
    lengths = [int(value[:20]) for name, value in scope["headers"] if name == b"content-length"]
    return _is_chunked(scope) or max(lengths, default=0) > lingering_close.LINGER_BYTES


def _is_chunked(scope: Any) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _closing_if_early(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """The application, whose response says `Connection: close` if it comes before the end of the body.

    The client then sends no other request on this connection. This is for bodies whose end may never be read: a
    client that was not told to continue may send the body or not, and a body that is too large is cut off.
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
