"""The edge: what every answer carries, what is noted of it, and what becomes of an error that nobody expected.

An ASGI middleware around everything else, so that no answer leaves without it.
"""

import logging
import re
import secrets
import time
from typing import Any

from anyio import BrokenResourceError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.errors.problems import unexpected
from service.http.access_log import REQUEST_ID, AccessLogEntry
from service.store.epochs.epoch_export import ExportCutShort

log = logging.getLogger("holdout.http")

# Swagger UI draws its icons from data: URIs. No inline script and no inline style is needed, so none is allowed.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SECURITY = Headers(SECURITY_HEADERS).raw
"""The same as ASGI sends them."""
PLAIN_WORD = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestMiddleware:
    """Numbers and notes the requests, sets the security headers, answers HEAD, turns a crash into a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = ResponseSender(send, _request_id(scope), without_body=scope["method"] == "HEAD")
        inner, started = _as_get(scope, answer.request_id), time.perf_counter()
        outside = REQUEST_ID.set(answer.request_id)
        try:
            await self._answer(inner, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            exchange = AccessLogEntry.of(scope["method"], inner.get("route"), answer.status, seconds)
            exchange.log()
            scope["app"].state.observe(exchange)
            REQUEST_ID.reset(outside)

    async def _answer(self, scope: Scope, receive: Receive, answer: "ResponseSender") -> None:
        try:
            await self.app(scope, receive, answer.send)
        except ClientDisconnect:
            log.info("request %s: the client left before its body had come", answer.request_id)
        except ExportCutShort as error:
            log.warning(
                "request %s: %s", answer.request_id, error
            )  # the connection breaks off: no end was sent
        except Exception as error:
            if answer.status is not None and _is_of_a_lost_client(error):
                log.info("request %s: the client left in the middle of a stream", answer.request_id)
                return
            log.exception("request %s: %s %s", answer.request_id, scope["method"], scope["path"])
            if answer.status is not None:
                raise  # the status is sent; only a broken connection can still say that this is not all
            await unexpected(answer.request_id).response(scope["path"])(scope, receive, answer.send)


class ResponseSender:
    """One answer on its way out."""

    def __init__(self, send: Send, request_id: str, *, without_body: bool) -> None:
        self._send, self.request_id, self.without_body = send, request_id, without_body
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        """Send on what the application sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self.request_id.encode())]
            given = {name for name, _ in headers}
            headers += [header for header in SECURITY if header[0] not in given]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and self.without_body:
            message = {**message, "body": b""}
        await self._send(message)


def _is_of_a_lost_client(error: Exception) -> bool:
    """Whether events could not be handed on, and nothing else: nobody stops taking them but a client that is gone."""
    return isinstance(error, ExceptionGroup) and error.split(BrokenResourceError)[1] is None


def _request_id(scope: Scope) -> str:
    """What the client calls its request, if that is a plain word; else a number of our own."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if PLAIN_WORD.fullmatch(given) else secrets.token_hex(8)


def _as_get(scope: Scope, request_id: str) -> dict[str, Any]:
    """The scope as the application sees it: what answers GET answers HEAD."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "method": method, "state": {**scope.get("state", {}), "request_id": request_id}}
