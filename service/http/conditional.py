"""Conditional requests (RFC 9110, 13): a response that the client has already is not sent again, nor even computed.

An etag is made of everything that a response changes with, and of the version of this program, which formats it. It
is weak: two responses with the same etag mean the same, though an estimate of the time left may differ by a moment.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Depends, Header, Response

ETAG = re.compile(r'(?:W/)?"([^"]*)"')
CACHING = {"Cache-Control": "private, no-cache"}
"""The client may store the response, but has to revalidate it before each use."""
UNCACHED = {"Cache-Control": "no-store"}
"""Of a response that may change although nothing is written: without an etag nobody keeps it."""
NOT_MODIFIED_HEADERS = ("etag", "cache-control", "vary", "content-security-policy", "referrer-policy")
"""What a response 304 repeats of the response that the client has: browsers store these in its place."""


class NotModified(Exception):
    """The client has the current response already."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


class Precondition:
    """The header If-None-Match of a request, and the caching headers of its response."""

    def __init__(self, if_none_match: str, response: Response) -> None:
        self.if_none_match = if_none_match.strip()
        self._response = response
        self._variant: tuple[str, ...] = ()
        self._caching = CACHING
        self.headers: dict[str, str] = {}

    def vary(self, header: str, chosen: str) -> None:
        """Say that a request header chose this variant of the response. Each variant has an etag of its own."""
        self._variant = (chosen,)
        self._caching = {**CACHING, "Vary": header}

    def matches(self, *facts: Any) -> bool:
        """Whether the client has the response that changes with these facts, and with nothing else."""
        return matches(self.if_none_match, self._etag(facts))

    def require_modified(self, *facts: Any) -> None:
        """Set the etag of the response that changes with these facts. Raises NotModified if the client has it."""
        self.headers = {"ETag": f'W/"{self._etag(facts)}"', **self._caching}
        if self.matches(*facts):
            raise NotModified(self.headers)
        self._response.headers.update(self.headers)

    def _etag(self, facts: tuple[Any, ...]) -> str:
        return opaque_tag(*facts, *self._variant)


def matches(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match lists an etag, weak or not. `etag` may come with its quotes or without."""
    if not if_none_match:
        return False
    return if_none_match == "*" or etag.removeprefix("W/").strip('"') in ETAG.findall(if_none_match)


def opaque_tag(*facts: Any) -> str:
    """The text of an etag, without its quotes."""
    digest = hashlib.blake2b(repr((_version(), facts)).encode(), digest_size=12).digest()
    return base64.urlsafe_b64encode(digest).decode()


def not_modified(headers: Mapping[str, str]) -> Response:
    """The response 304, in place of the one that has these headers."""
    repeated = {name: value for name, value in headers.items() if name.lower() in NOT_MODIFIED_HEADERS}
    return Response(status_code=304, headers=repeated)


_version = cache(lambda: version("holdout"))


async def _precondition(
    response: Response,
    if_none_match: Annotated[
        str,
        Header(
            description="The ETag of an earlier answer. If nothing has changed since, the answer is 304.",
            examples=['W/"8s2hX0"'],
        ),
    ] = "",
) -> Precondition:
    return Precondition(if_none_match, response)


PreconditionDep = Annotated[Precondition, Depends(_precondition)]
"""The precondition of a request, for a route whose responses have an etag."""
