"""A cache of answers, as HTTP describes one: fresh while the database is as it was, else asked whether they hold.

A poll of what has not changed costs no query, no thread and no routing: SQLite says in 2 microseconds whether anybody
has committed since. Where somebody has, or the database does not say, one query for the state saves what
reading and writing out an answer with the same tag would take.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.caching.response_store import CachedResponse, ResponseStore, Revalidation, etag_in
from service.api.routing.content_negotiation import accept_of, accepted
from service.api.routing.thread_limiters import ThreadLimiter
from service.http.access_log import PROBES
from service.http.conditional import Condition, NotModified, names


class ResponseCache:
    """The middleware. What needs more than the right to read is not kept; who waits for news is not answered here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _may_be_kept(scope):
            await self.app(scope, receive, send)
            return
        exchange = CacheLookup(scope, send)
        if exchange.is_fresh() or await exchange.is_renewed():
            await exchange.answer_from_kept()
        else:
            exchange.say_what_is_kept()
            await self.app(scope, receive, exchange.send)


def _may_be_kept(scope: Scope) -> bool:
    """Whether it reads and does not wait for news. Probes ask for nothing that a database could hold up."""
    reads = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] not in PROBES
    return reads and b"wait=" not in scope["query_string"]


def renewable(request: Request, known: Condition, renew: Revalidation) -> Response:
    """The answer that `renew` makes, and makes again after the next commit, without a way through the application."""
    request.state.renew = renew
    return renew(known)


class CacheLookup:
    """One request, and what is kept of an answer to it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        state = scope["app"].state
        self.scope, self._send, self._guard = scope, send, state.authenticator
        self._threads: ThreadLimiter = state.limiters["reads"]
        self.shelf: ResponseStore = state.response_store
        self.version: int | None = state.database.version()  # before anything is read: it may only be too old
        self.address = (scope["path"], scope["query_string"], accepted(accept_of(Headers(scope=scope))))
        self.given = _if_none_match(scope["headers"])
        self.kept = self.shelf.get(self.address)
        self._start: Message | None = None

    def is_fresh(self) -> bool:
        """Whether what is kept holds, answers this, and is for who asks."""
        kept = self.kept
        if kept is None or self.version is None or kept.version != self.version:
            return False
        if kept.body is None and not names(self.given, kept.tag):
            return False
        return bool(self._guard.admits_again(self.scope, self.version))

    async def is_renewed(self) -> bool:
        """Whether what is kept could be made anew, for who asks; what is wrong where not, the application says."""
        kept = self.kept
        if kept is None or kept.renew is None or self.version is None or self.given == "*":
            return False
        if not self._guard.admits_again(self.scope, self.version):
            return False
        try:
            made = await self._threads.run(partial(kept.renew, Condition(self._tags(), Response())))
        except NotModified as unchanged:
            if unchanged.headers["ETag"] != kept.tag:
                return False
            self.kept = replace(kept, version=self.version)
        except Exception:
            return False
        else:
            self.kept = replace(kept, version=self.version, headers=made.raw_headers, body=made.body)
        self.shelf.put(self.address, self.kept)
        return True

    async def answer_from_kept(self) -> None:
        """The answer, or that the client has it."""
        kept = self.kept
        assert kept is not None  # noqa: S101 -- is_fresh
        self.scope["route"] = kept.route
        headers, body, status = kept.headers, kept.body or b"", 200
        if names(self.given, kept.tag):
            headers, body, status = kept.unchanged, b"", 304
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def say_what_is_kept(self) -> None:
        """Ask as if the client had what is kept here: the application then says whether it still holds."""
        if self.kept is None or self.kept.body is None or self.given == "*":
            return
        others = [header for header in self.scope["headers"] if header[0] != b"if-none-match"]
        self.scope["headers"] = [*others, (b"if-none-match", self._tags().encode("latin-1"))]

    def _tags(self) -> str:
        """Those of the client and, where it is kept in full, of what is kept."""
        ours = self.kept.tag if self.kept and self.kept.body is not None else ""
        return ", ".join(filter(None, (self.given, ours)))

    async def send(self, message: Message) -> None:
        """Send on what the application answers, and keep it."""
        if message["type"] == "http.response.start" and self._is_tagged(message):
            self._start = message  # until it is seen whether this is all of it
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
        elif self._still_holds(start):
            await self.answer_from_kept()
        else:
            self._keep(start, message)
            await self._send(start)
            await self._send(message)

    def _is_tagged(self, start: Message) -> bool:
        may_be_kept = getattr(self.scope.get("route"), "needed", None) == "read"
        return may_be_kept and start["status"] in (200, 304) and bool(etag_in(start["headers"]))

    def _still_holds(self, start: Message) -> bool:
        if start["status"] != 304 or self.kept is None or self.kept.body is None:
            return False
        if etag_in(start["headers"]) != self.kept.tag:
            return False
        self.kept = replace(self.kept, version=self.version)
        self.shelf.put(self.address, self.kept)
        return True

    def _keep(self, start: Message, message: Message) -> None:
        if not message.get("more_body"):
            body = message.get("body", b"") if start["status"] == 200 else None
            route, renew = self.scope["route"], self.scope["state"].get("renew")
            kept = CachedResponse(self.version, route, list(start["headers"]), body, renew)
            self.shelf.put(self.address, kept)


def _if_none_match(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What the client says that it has."""
    return next((value.decode("latin-1").strip() for name, value in headers if name == b"if-none-match"), "")
