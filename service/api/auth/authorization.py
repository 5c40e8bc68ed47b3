"""The scope that each route needs: a route declares it, `dependencies=[allow("submit")]`, or is `PUBLIC`.

`authentication` finds the caller of a request and compares its scope with the one declared here. The service is open,
and every caller its admin, only while it listens to its own machine and no token was ever created.
"""

import logging
from collections.abc import Iterator
from contextlib import closing

from fastapi import Depends, Security, params
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from service.api.auth.origins import is_loopback
from service.settings import Settings, UnusableSetting
from service.store.credentials import tokens
from service.store.credentials.tokens import SCOPES, Caller, Scope
from service.store.database import Database

log = logging.getLogger("holdout.security")

ANYBODY = Caller("local", "admin")
"""The caller of every request while the service is open."""


class Unauthenticated(PermissionError):
    """A valid token is needed, and none was sent."""

    def __init__(self, *, given: bool = False) -> None:
        super().__init__(
            "The token is unknown, expired or revoked."
            if given
            else "Send a token: `Authorization: Bearer hold_...`. On the server, "
            "`holdout token create NAME` creates one."
        )
        self.headers = {"WWW-Authenticate": 'Bearer error="invalid_token"' if given else "Bearer"}


class ScopeTooNarrow(PermissionError):
    """The token is valid, but its scope does not allow the request."""

    def __init__(self, caller: Caller, needed: Scope) -> None:
        super().__init__(
            f"This request needs a token with the scope {needed}; {caller.name} has the scope {caller.scope}."
        )
        self.headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}


class Allowed(HTTPBearer):
    """Marks a route with the scope that it needs, for `needed_by` and in the OpenAPI document."""

    def __init__(self, needed: Scope) -> None:
        super().__init__(
            scheme_name="token",
            bearerFormat="hold_...",
            description="Not needed while the service is open: on 127.0.0.1, until the first token is created.",
            auto_error=False,
        )
        self.needed = needed

    async def __call__(self, request: HTTPConnection) -> None:
        """Does nothing: `Authenticator.authorize` has checked the scope before the body was read."""


def allow(needed: Scope) -> params.Security:
    """The dependency of a route that needs this scope, or a wider one."""
    dependency: params.Security = Security(Allowed(needed), scopes=[needed])
    return dependency


async def _public() -> None: ...


PUBLIC = Depends(_public)
"""The dependency of a route that needs no token."""


def needed_by(dependant: Dependant) -> Scope | None:
    """The scope that a route declares, the widest of several; None if it is public.

    A route that declares nothing needs the widest scope: forgetting the declaration opens nothing.
    """
    declared = list(_declared(dependant))
    if declared:
        return max(declared, key=SCOPES.index)
    return None if any(each.call is _public for each in dependant.dependencies) else SCOPES[-1]


def _declared(dependant: Dependant) -> Iterator[Scope]:
    for each in dependant.dependencies:
        if isinstance(each.call, Allowed):
            yield each.call.needed


def may_be_open(settings: Settings) -> bool:
    """Whether no token is needed until the first is created: then whatever reaches the service may use it."""
    return settings.trust_network or is_loopback(settings.host)


def require_closed_door(settings: Settings) -> None:
    """Refuse to listen to a network without a token. Raises UnusableSetting."""
    with closing(Database(settings.url)) as database, database.read() as connection:
        known = tokens.list_all(connection)
    if known and not any(token.valid for token in known):
        log.warning(
            "no token is valid any more, so nobody can use this service; holdout token create creates one"
        )
    if known or may_be_open(settings):
        return
    raise UnusableSetting(
        f"Holdout does not listen on {settings.host} without a token: everyone who can reach it could use it.\n"
        "Create one first, with the same settings: holdout token create NAME --scope submit\n"
        "If a proxy or a firewall controls access to it, set HOLDOUT_TRUST_NETWORK=1 instead."
    )
