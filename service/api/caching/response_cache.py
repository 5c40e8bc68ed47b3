"""The HTTP response cache: a response is fresh until the next commit, then it is revalidated by its etag.

While nothing is committed, a poll costs no routing, and the database is asked for its version alone: SQLite says in
2 microseconds whether it has changed, without a thread; PostgreSQL needs a query. After a commit the application
is asked as if the client had the cached response: usually one query for the etag then saves computing the response.
Of equal requests at the same time, one asks the application, and the others wait for its response.
"""

import asyncio
from dataclasses import replace

from fastapi import Request
from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.auth.authentication import Authenticator
from service.api.caching.response_store import CachedResponse, CacheKey, ResponseStore, etag_in
from service.api.caching.single_flight import Flight, SingleFlight
from service.api.routing.content_negotiation import accept_of, accepted
from service.api.thread_limiters import ThreadLimiter, TooBusy
from service.http.access_log import PROBES
from service.http.conditional import matches
from service.store.database import Database, Version

LONGEST_WAIT_SECONDS = 5.0
"""How long a request waits for the response to an equal one, before it is carried out by itself."""


class ResponseCache:
    """The middleware. It caches the responses of routes that need no more than the scope `read`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._flights = SingleFlight()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_cacheable(scope):
            await self.app(scope, receive, send)
            return
        request = CacheableRequest(scope, receive, send)
        until = asyncio.get_running_loop().time() + LONGEST_WAIT_SECONDS
        while not await request.respond_if_fresh():
            flight = self._flights.get(request.flight_key) if request.data_version is not None else None
            if flight is None or not await flight.wait(until):
                await self._ask_application(request)
                return

    async def _ask_application(self, request: "CacheableRequest") -> None:
        with self._flights.start(request.flight_key) as flight:
            request.flight = flight
            request.add_cached_etag()
            await self.app(request.scope, request.receive, request.send)


def _is_cacheable(scope: Scope) -> bool:
    """Whether a request reads, and does not wait for a change. Probes use nothing that the cache could save."""
    reads = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] not in PROBES
    return reads and b"wait=" not in scope["query_string"]


class CacheableRequest:
    """One request, and the cached response to equal ones."""

    flight: Flight
    cached: CachedResponse | None
    data_version: Version | None

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["app"].state
        self.scope, self.receive, self._send = scope, receive, send
        self._authenticator: Authenticator = state.authenticator
        self._database: Database = state.database
        self._store: ResponseStore = state.response_store
        self._threads: ThreadLimiter = state.limiters["authentication"]
        headers = Headers(scope=scope)
        self.cache_key: CacheKey = (scope["path"], scope["query_string"], accepted(accept_of(headers)))
        self._if_none_match = headers.get("if-none-match", "").strip()
        self._start: Message | None = None

    @property
    def flight_key(self) -> tuple[CacheKey, Version | None]:
        return self.cache_key, self.data_version

    async def respond_if_fresh(self) -> bool:
        """Send the cached response if it is fresh, is all that the client needs, and the client may read it."""
        self.data_version = await self._read_version()  # before anything else is read: it may only be too old
        self.scope["state"]["data_version"] = self.data_version
        self.cached = cached = self._store.get(self.cache_key)
        if cached is None or self.data_version is None or cached.data_version != self.data_version:
            return False
        if cached.body is None and not matches(self._if_none_match, cached.etag):
            return False
        try:
            await self._authenticator.authorize(Request(self.scope), "read")
        except Exception:
            return False  # the route raises the same, and the exception handlers respond
        await self._respond(cached)
        return True

    async def _read_version(self) -> Version | None:
        """The version of the database; None if it could not be read. The route then says why, if it cannot either."""
        if self._database.is_sqlite:
            return self._database.version()
        try:
            return await self._threads.run(self._database.snapshot)
        except (DBAPIError, TooBusy):
            return None

    async def _respond(self, cached: CachedResponse) -> None:
        """Send a cached response, or that the client has it."""
        self.scope["route"] = cached.route
        is_known = matches(self._if_none_match, cached.etag)
        await (cached.not_modified if is_known else cached.whole)(self.scope, self.receive, self._send)

    def add_cached_etag(self) -> None:
        """Add the etag of the cached response to If-None-Match: the application then says whether it is current."""
        if self.cached is None or self.cached.body is None or self._if_none_match == "*":
            return
        others = [header for header in self.scope["headers"] if header[0] != b"if-none-match"]
        etags = ", ".join(filter(None, (self._if_none_match, self.cached.etag)))
        self.scope["headers"] = [*others, (b"if-none-match", etags.encode("latin-1"))]

    async def send(self, message: Message) -> None:
        """Send on what the application sends, and cache it."""
        if message["type"] == "http.response.start":
            if self._has_etag(message):
                self._start = message  # until it is known whether the first part of the body is all of it
                return
            self.flight.end(look_again=False)
        start, self._start = self._start, None
        if start is not None:
            if (cached := self._revalidated(start)) is not None:
                await self._respond(cached)
                return
            self._cache(start, message)
            await self._send(start)
        await self._send(message)

    def _has_etag(self, start: Message) -> bool:
        may_be_cached = getattr(self.scope.get("route"), "needed", None) == "read"
        return may_be_cached and start["status"] in (200, 304) and bool(etag_in(start["headers"]))

    def _revalidated(self, start: Message) -> CachedResponse | None:
        """The cached response, if the application has said that it is current."""
        cached = self.cached
        if start["status"] != 304 or cached is None or cached.body is None:
            return None
        if etag_in(start["headers"]) != cached.etag:
            return None
        return self._put(replace(cached, data_version=self.data_version))

    def _cache(self, start: Message, message: Message) -> None:
        """Cache a response, unless more of its body follows."""
        if message.get("more_body"):
            self.flight.end(look_again=False)
            return
        body = message.get("body", b"") if start["status"] == 200 else None
        self._put(CachedResponse(self.data_version, self.scope["route"], list(start["headers"]), body))

    def _put(self, response: CachedResponse) -> CachedResponse:
        """Store a response, and let the requests that wait for it have it."""
        self._store.put(self.cache_key, response)
        self.flight.end(look_again=True)
        return response
