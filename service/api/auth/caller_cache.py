"""Who was let in, remembered while nobody has committed since: then no token was made, revoked or changed.

A token that expires is looked up again once its time is over.
"""

import time

from starlette.types import Scope

from service.store.credentials.tokens import Caller

MOST_CALLERS = 1000
"""By what they send; then all are looked up anew."""

CallerKey = tuple[bytes, bytes, str]


class CallerCache:
    """Callers by all that letting them in depended on, beside the database. Used in one event loop."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._callers: dict[CallerKey, tuple[Caller, float]] = {}

    def recall(self, scope: Scope, version: int | None) -> Caller | None:
        """Who sends this; None where that is to be looked up."""
        if version is None or version != self._version:
            return None
        caller, until = self._callers.get(_caller_key(scope), (None, 0.0))
        return caller if time.monotonic() < until else None

    def remember(self, scope: Scope, version: int | None, asked_at: float, caller: Caller) -> None:
        """Who sends this, looked up from `asked_at` on, when the database had this version, or a later one."""
        if version != self._version or len(self._callers) >= MOST_CALLERS:
            self._version, self._callers = version, {}
        left = float("inf") if caller.seconds_left is None else caller.seconds_left
        self._callers[_caller_key(scope)] = caller, asked_at + left


def _caller_key(scope: Scope) -> CallerKey:
    """The token, and, while none is needed, by which name and where this machine was asked."""
    headers = dict(reversed(scope["headers"]))  # of two of a name the first is the one that is looked at
    address, *_ = scope.get("server") or ("",)
    return headers.get(b"authorization", b""), headers.get(b"host", b""), address
