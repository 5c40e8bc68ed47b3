"""A cache of authenticated callers, valid until the next commit: until then no token is made, revoked or changed.

A token that expires is looked up again once its time is over.
"""

import time

from starlette.types import Scope

from service.store.credentials.tokens import Caller
from service.store.database import Version

MOST_CALLERS = 1000
"""Distinct keys. Above this the cache starts again, empty."""

CallerKey = tuple[bytes, bytes, bytes, bytes, str]
"""The headers Authorization, Cookie, Sec-Fetch-Site and Host, and the address at which the request arrived."""


class CallerCache:
    """Callers by everything but the database that their authentication depends on. Used in one event loop."""

    def __init__(self) -> None:
        self._version: Version | None = None
        self._callers: dict[CallerKey, tuple[Caller, float]] = {}

    def get(self, scope: Scope, version: Version | None) -> Caller | None:
        """The caller of a request while the database has this version; None if it has to be looked up."""
        if version is None or version != self._version:
            return None
        caller, until = self._callers.get(_caller_key(scope), (None, 0.0))
        return caller if time.monotonic() < until else None

    def put(self, scope: Scope, version: Version, looked_up_at: float, caller: Caller) -> None:
        """Remember a caller that was looked up from `looked_up_at` on, when the database had this version or a later
        one.
        """
        if version != self._version or len(self._callers) >= MOST_CALLERS:
            self._version, self._callers = version, {}
        left = float("inf") if caller.seconds_left is None else caller.seconds_left
        self._callers[_caller_key(scope)] = caller, looked_up_at + left


def _caller_key(scope: Scope) -> CallerKey:
    """The token; and, while none is needed, the host name and the address that the request was sent to."""
    headers = dict(reversed(scope["headers"]))  # of two headers of one name, the first is the one that counts
    address, *_ = scope.get("server") or ("",)
    names = (b"authorization", b"cookie", b"sec-fetch-site", b"host")
    authorization, cookie, site, host = (headers.get(name, b"") for name in names)
    return authorization, cookie, site if cookie else b"", host, address
