"""Authenticates and authorizes requests: in the event loop if the database can be read there without waiting, else in
a thread.
"""

import time
from functools import partial

from fastapi import Request
from sqlalchemy import Connection

from service.api.auth.authorization import ANYBODY, ScopeTooNarrow, Unauthenticated, may_be_open
from service.api.auth.caller_cache import CallerCache
from service.api.auth.client_addresses import client_address
from service.api.auth.origins import require_no_embedding, require_own_name, require_same_site
from service.api.auth.rate_limits import RateLimiter
from service.api.auth.session_cookie import token_of_cookie, token_of_header
from service.api.thread_limiters import ThreadLimiter
from service.settings import Settings
from service.store.credentials import tokens
from service.store.credentials.tokens import Caller, Scope
from service.store.database import Database
from service.store.engine.nonblocking_reader import NonblockingReader, WouldBlock

LONGEST_TOKEN = 200


class Authenticator:
    """Finds the caller of each request and decides whether it may be carried out, before any of its body is read."""

    def __init__(self, settings: Settings, database: Database, threads: ThreadLimiter) -> None:
        self.settings, self.database, self._threads = settings, database, threads
        self.rates = RateLimiter(settings)
        self._callers = CallerCache()

    async def authorize(self, request: Request, needed: Scope) -> None:
        """Put the caller into `request.state.caller`, and count the request against its rate limit.

        `request.state.counted_as` is the name of its token or, while the service is open, its address.

        The response cache calls this, and then the route unless the cache has responded: a request is counted once,
        and what it was refused with is raised again. Raises CrossSite, ForeignHost, Unauthenticated, TooManyRequests,
        ScopeTooNarrow, or TooBusy.
        """
        state = request.scope["state"]
        if (refusal := state.get("refusal")) is not None:
            raise refusal
        if "caller" not in state:
            try:
                state["caller"] = await self._authenticate(request, needed)
            except Exception as refusal:
                state["refusal"] = refusal
                raise
        if not state["caller"].may(needed):
            raise ScopeTooNarrow(state["caller"], needed)

    async def _authenticate(self, request: Request, needed: Scope) -> Caller:
        """Find the caller, and count the request, refused or not."""
        require_same_site(request, self.settings.cors_origins)
        address = client_address(request.scope, self.settings.proxies)
        # The token is looked up first: refused requests of others at the same address lock out no valid one.
        try:
            caller = await self._find_caller(request)
        except Unauthenticated:
            self.rates.count("refusals", address)
            raise
        if caller is ANYBODY:
            require_no_embedding(request, self.settings.cors_origins)
        request.scope["state"]["counted_as"] = counted_as = address if caller is ANYBODY else caller.name
        self.rates.count("reads" if needed == "read" else "writes", counted_as)
        return caller

    async def _find_caller(self, request: Request) -> Caller:
        version = request.scope["state"].get("data_version") or self.database.version()
        if (caller := self._callers.get(request.scope, version)) is not None:
            return caller
        looked_up_at = time.monotonic()
        try:
            caller = self._look_up_without_waiting(request)
        except WouldBlock:
            caller = await self._threads.run(partial(self._look_up_in_thread, request))
        if version is not None:
            self._callers.put(request.scope, version, looked_up_at, caller)
        return caller

    def _look_up_without_waiting(self, request: Request) -> Caller:
        """Look the caller up in the event loop. Raises WouldBlock."""
        if self.database.nonblocking is None:
            raise WouldBlock
        return self._look_up(request, self.database.nonblocking)

    def _look_up_in_thread(self, request: Request) -> Caller:
        with self.database.read_autocommit() as connection:
            return self._look_up(request, connection)

    def _look_up(self, request: Request, connection: Connection | NonblockingReader) -> Caller:
        token = token_of_header(request.headers)
        given = token is not None and len(token) <= LONGEST_TOKEN
        if "authorization" not in request.headers:
            token = token_of_cookie(request.headers)  # if it is not valid, it is as if there were none
        known = token is not None and len(token) <= LONGEST_TOKEN
        caller = tokens.find(connection, token) if known and token else None
        is_open = caller is None and may_be_open(self.settings) and not tokens.any_exist(connection)
        if caller is not None:
            return caller
        if given or not is_open:
            raise Unauthenticated(given=given)
        require_own_name(request, self.settings.hosts, trusted=self.settings.trust_network)
        return ANYBODY
