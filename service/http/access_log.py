"""A request and its answer, once both are over: for the log and for the metrics."""

import logging
from contextvars import ContextVar
from dataclasses import dataclass

log = logging.getLogger("holdout.http")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CLIENT_LEFT = 499
"""The status, as nginx has it, of an answer that nobody waited for."""
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered: what is logged meanwhile carries it."""
PROBES = ("/health", "/ready", "/metrics")


@dataclass(frozen=True)
class AccessLogEntry:
    """What is kept of it: the route's template in place of the address, which has ids and whatever was tried."""

    method: str
    route: str
    status: int
    seconds: float

    @classmethod
    def of(cls, method: str, route: object, status: int | None, seconds: float) -> "AccessLogEntry":
        """From what ASGI knows; `route` is None where none matched, `status` where no answer was begun."""
        template = getattr(route, "path_format", None) or "none"
        known = method if method in METHODS else "other"
        return cls(known, template, status or CLIENT_LEFT, round(seconds, 6))

    def log(self) -> None:
        """One line. What only asks whether the service is there is worth none, unless it is not well."""
        quiet = self.route in PROBES and self.status < 400
        log.log(logging.DEBUG if quiet else logging.INFO, "request", extra=vars(self))
