"""The access log: one entry for each request once its response is over, for the log and the metrics."""

import logging
from contextvars import ContextVar
from dataclasses import dataclass

log = logging.getLogger("holdout.http")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CLIENT_LEFT = 499
"""The status, as in nginx, of a request whose client left before the response began."""
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the current request. Everything that is logged meanwhile has it."""
PROBES = ("/health", "/ready", "/metrics")


@dataclass(frozen=True)
class AccessLogEntry:
    """One request. route: the template of its path; the path itself has ids, and whatever clients try."""

    method: str
    route: str
    status: int
    seconds: float

    @classmethod
    def of(cls, method: str, route: object, status: int | None, seconds: float) -> "AccessLogEntry":
        """An entry. `route` is None if none matched, `status` if no response was begun."""
        template = getattr(route, "path_format", None) or "none"
        known = method if method in METHODS else "other"
        return cls(known, template, status or CLIENT_LEFT, round(seconds, 6))

    def log(self) -> None:
        """Log one line: at DEBUG for a probe that succeeded, which would only fill the log."""
        quiet = self.route in PROBES and self.status < 400
        log.log(logging.DEBUG if quiet else logging.INFO, "request", extra=vars(self))
