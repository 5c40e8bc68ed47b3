"""Who asks: seen in the event loop where the database shows it at once, looked up in a thread where it would wait."""

import time
from functools import partial

from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy import Connection
from starlette.types import Scope as ASGIScope

from service.api.auth.authorization import ANYBODY, ScopeTooNarrow, Unauthenticated, may_be_open
from service.api.auth.caller_cache import CallerCache
from service.api.auth.origins import require_own_name, require_same_site
from service.api.auth.rate_limits import RateLimiter, TooManyRequests
from service.api.routing.thread_limiters import ThreadLimiter
from service.settings import Settings
from service.store.credentials import tokens
from service.store.credentials.tokens import Caller, Scope
from service.store.database import Database
from service.store.engine.nonblocking_reader import NonblockingReader, WouldBlock

LONGEST_TOKEN = 200


class Authenticator:
    """Lets requests in, before anything of their body is read."""

    def __init__(self, settings: Settings, database: Database, threads: ThreadLimiter) -> None:
        self.settings, self.database, self._threads = settings, database, threads
        self.rates = RateLimiter(settings)
        self._admitted = CallerCache()

    async def admit(self, request: Request, needed: Scope) -> None:
        """Put who asks into `request.state.caller`. Raises what keeps him out."""
        require_same_site(request, self.settings.cors_origins)
        address = _address(request.scope)
        self.rates.check("refusals", address)
        try:
            caller = await self._known(request)
        except Unauthenticated:
            self.rates.count("refusals", address)
            raise
        if not request.scope["state"].get("counted"):  # where a kept answer could not be made anew
            who = address if caller is ANYBODY else caller.name
            self.rates.count("reads" if needed == "read" else "writes", who)
        if not caller.may(needed):
            raise ScopeTooNarrow(caller, needed)
        request.state.caller = caller

    def admits_again(self, scope: ASGIScope, version: int | None) -> bool:
        """Whether who wants to read may, as far as that is seen at once: then it is counted as `admit` does.
        Where not, `admit` says why.
        """
        address = _address(scope)
        try:
            self.rates.check("refusals", address)
            caller = self._seen(Request(scope), version)
            if not caller.may("read"):
                return False
            self.rates.count("reads", address if caller is ANYBODY else caller.name)
            scope["state"]["counted"] = True
        except (PermissionError, TooManyRequests, WouldBlock):
            return False
        return True

    async def _known(self, request: Request) -> Caller:
        try:
            return self._seen(request, self.database.version())
        except WouldBlock:
            return await self._threads.run(partial(self._read, request))

    def _seen(self, request: Request, version: int | None) -> Caller:
        """Who asks, looked up unless nothing was committed since. Raises Unseen where that would have to wait."""
        if (caller := self._admitted.recall(request.scope, version)) is not None:
            return caller
        if self.database.nonblocking is None:
            raise WouldBlock
        asked_at = time.monotonic()
        caller = self._caller(request, self.database.nonblocking)
        self._admitted.remember(request.scope, version, asked_at, caller)
        return caller

    def _read(self, request: Request) -> Caller:
        with self.database.read() as connection:
            return self._caller(request, connection)

    def _caller(self, request: Request, connection: Connection | NonblockingReader) -> Caller:
        scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
        given = scheme.lower() == "bearer" and 0 < len(token) <= LONGEST_TOKEN
        caller = tokens.find(connection, token) if given else None
        is_open = caller is None and may_be_open(self.settings) and not tokens.any_exist(connection)
        if caller is not None:
            return caller
        if given or not is_open:
            raise Unauthenticated(given=given)
        require_own_name(request, self.settings.hosts, trusted=self.settings.trust_network)
        return ANYBODY


def _address(scope: ASGIScope) -> str:
    return scope["client"][0] if scope.get("client") else ""
