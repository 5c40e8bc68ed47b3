"""The outermost middleware: request ids, security headers, the access log, and a plain 500 for unexpected errors.

It is an ASGI middleware around everything else, so that no response is sent without it.
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

from service.api.errors.problems import Problem, unexpected
from service.http.access_log import REQUEST_ID, AccessLogEntry
from service.store.epochs.epoch_export import ExportCutShort
from service.temporary_errors import Exhausted
from workers.exhaustion import is_exhausted

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
DEFAULT_CACHING = "private"
"""A shared cache, as of a proxy, stores no response, as it is for one caller."""
DEFAULTS = Headers({**SECURITY_HEADERS, "Cache-Control": DEFAULT_CACHING}).raw
"""The headers of every response that has no others of these names, as ASGI sends them."""
PLAIN_WORD = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestMiddleware:
    """Gives requests an id, logs them, sets security headers, handles HEAD, and turns a crash into a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        response = ResponseSender(send, _request_id(scope), without_body=scope["method"] == "HEAD")
        inner, started = _as_get(scope, response.request_id), time.perf_counter()
        token = REQUEST_ID.set(response.request_id)
        try:
            await self._respond(inner, receive, response)
        finally:
            seconds = time.perf_counter() - started
            entry = AccessLogEntry.of(scope["method"], inner.get("route"), response.status, seconds)
            entry.log()
            scope["app"].state.observe(entry)
            REQUEST_ID.reset(token)

    async def _respond(self, scope: Scope, receive: Receive, response: "ResponseSender") -> None:
        try:
            await self.app(scope, receive, response.send)
        except ClientDisconnect:
            log.info("request %s: the client left before its body had come", response.request_id)
        except ExportCutShort as error:
            log.warning(
                "request %s: %s", response.request_id, error
            )  # no end was sent: the connection breaks off
        except Exception as error:
            if response.status is not None and _is_disconnect(error):
                log.info("request %s: the client left in the middle of a stream", response.request_id)
                return
            problem = self._problem(error, response.request_id, scope)
            if response.status is not None:
                raise  # the status is sent; only a broken connection can still say that this is not all
            await problem.response(scope["path"])(scope, receive, response.send)

    @staticmethod
    def _problem(error: Exception, request_id: str, scope: Scope) -> Problem:
        """What to answer to an error that no handler knows, which is logged here."""
        request = (request_id, scope["method"], scope["path"])
        if is_exhausted(error):
            log.warning("request %s: %s %s: %s: %s", *request, type(error).__name__, error)
            return Problem.from_error(Exhausted())
        log.exception("request %s: %s %s", *request)
        return unexpected(request_id)


class ResponseSender:
    """Sends one response, and adds the headers that every response has."""

    def __init__(self, send: Send, request_id: str, *, without_body: bool) -> None:
        self._send, self.request_id, self.without_body = send, request_id, without_body
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        """Send a message of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self.request_id.encode())]
            given = {name for name, _ in headers}
            headers += [header for header in DEFAULTS if header[0] not in given]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and self.without_body:
            message = {**message, "body": b""}
        await self._send(message)


def _is_disconnect(error: Exception) -> bool:
    """Whether the only error is that events could not be sent on: that happens only if the client has left."""
    return isinstance(error, ExceptionGroup) and error.split(BrokenResourceError)[1] is None


def _request_id(scope: Scope) -> str:
    """The id that the client sent, if it is a plain word; else a random one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if PLAIN_WORD.fullmatch(given) else secrets.token_hex(8)


def _as_get(scope: Scope, request_id: str) -> dict[str, Any]:
    """The scope for the application, in which HEAD is GET."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "method": method, "state": {**scope.get("state", {}), "request_id": request_id}}
