"""Requests of pages whose origin is not allowed: the response to the preflight says why, and so does the log.

A browser does not show the body of a preflight, and withholds the response to a plain GET from the page. The log is
where an operator finds out which setting allows the page.
"""

import logging
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.auth.origins import CrossSite, is_of
from service.api.errors.problems import Problem

log = logging.getLogger("holdout.http")

MOST_LOGGED = 100
"""The most origins that are logged. Each is logged once."""
ANY_FILE = (
    "HOLDOUT_CORS_ORIGINS lists null: every page opened from a file, and every site by a sandboxed frame, may use "
    "this service."
)


class Preflight:
    """The middleware around CORSMiddleware, which responds to the preflights of allowed origins."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self.app, self._origins = app, origins
        self._logged: set[str] = set()
        if "null" in origins:
            log.warning(ANY_FILE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope) if scope["type"] == "http" else None
        if refused is not None:
            self._log(refused)
            if _is_preflight(scope):
                response = Problem.from_error(CrossSite(refused)).response(scope["path"])
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refused(self, scope: Scope) -> str | None:
        """The origin of a page that is not this service's own and is not allowed; None otherwise."""
        if not any(name == b"origin" for name, _ in scope["headers"]):
            return None
        headers = Headers(scope=scope)
        origin = headers["origin"]
        return None if origin in self._origins or is_of(origin, headers.get("host")) else origin

    def _log(self, origin: str) -> None:
        if origin not in self._logged and len(self._logged) < MOST_LOGGED:
            self._logged.add(origin)
            log.warning("%s", str(CrossSite(ascii(origin))))


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope)
