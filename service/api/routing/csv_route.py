"""The route class of routes that take CSV: they answer only requests that say so by their Content-Type.

Another route at the same path and method takes the others, so each has the body that it declares.
"""

from fastapi import Request
from starlette.routing import Match
from starlette.types import Scope

from service.api.routing.strict_route import StrictRoute


class CsvRoute(StrictRoute):
    """Matches requests whose body is CSV. The endpoint reads it, as a stream."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return (match, child) if match == Match.FULL and _is_csv(scope) else (Match.NONE, {})


def _is_csv(scope: Scope) -> bool:
    declared: str = Request(scope).headers.get("content-type", "")
    return declared.partition(";")[0].strip().lower() == "text/csv"
