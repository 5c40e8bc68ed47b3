"""The applications of a test process share their routes.

FastAPI makes the routes of each application at its first request, from those of its routers: the models of all
parameters and responses. That takes .2 s, longer than most tests of an application.
"""

from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, _EffectiveRouteContext, _RouterIncludeContext, iter_route_contexts


class SharedRoutes:
    """The routes of applications, by the route of a router and by what an application adds to it."""

    def __init__(self) -> None:
        self._make = _EffectiveRouteContext.from_api_route
        self._made: dict[int, list[tuple[_RouterIncludeContext, _EffectiveRouteContext]]] = {}
        """By the identity of a router's route, which what is made of it keeps alive."""

    def get(
        self, *, original_route: APIRoute, include_context: _RouterIncludeContext
    ) -> _EffectiveRouteContext:
        """The route of any application that adds the same. Nothing here overrides dependencies."""
        added = replace(include_context, dependency_overrides_provider=None)
        made = self._made.setdefault(id(original_route), [])
        for known, route in made:
            if known == added:
                return route
        route = self._make(original_route=original_route, include_context=added)
        made.append((added, route))
        return route


def share_routes() -> None:
    """Let all applications that this process makes from now on share their routes."""
    shared: Any = SharedRoutes()
    _EffectiveRouteContext.from_api_route = shared.get  # type: ignore[method-assign]


def make_routes(app: FastAPI) -> None:
    """Make the routes of an application before its first request."""
    list(iter_route_contexts(app.routes))
