"""Conditional requests: what a client has already is not sent again, and not even read.

A tag is made of all that an answer changes with, and of the version of this program, which shapes it. It is
weak: two answers with the same tag mean the same, though a time left may be estimated a moment later.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Depends, Header, Response

TAG = re.compile(r'(?:W/)?"([^"]*)"')
CACHING = {"Cache-Control": "private, no-cache"}
"""Keep it, but ask each time whether it still holds."""


class NotModified(Exception):
    """The client has this answer already."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


class Condition:
    """The tags of the answers that a client has, and the headers of the one that it gets."""

    def __init__(self, if_none_match: str, response: Response) -> None:
        self.given = if_none_match.strip()
        self._response = response
        self._chosen: tuple[str, ...] = ()
        self._caching = CACHING
        self.headers: dict[str, str] = {}

    def vary(self, header: str, chosen: str) -> None:
        """Say that a header chose among several answers; each has a tag of its own."""
        self._chosen = (chosen,)
        self._caching = {**CACHING, "Vary": header}

    def knows(self, *facts: Any) -> bool:
        """Whether the client has the answer that changes with `facts` alone."""
        return names(self.given, self._tag(facts))

    def require_news(self, *facts: Any) -> None:
        """Tag the answer with what it changes with. Raises NotModified where the client has it."""
        self.headers = {"ETag": f'W/"{self._tag(facts)}"', **self._caching}
        if self.knows(*facts):
            raise NotModified(self.headers)
        self._response.headers.update(self.headers)

    def _tag(self, facts: tuple[Any, ...]) -> str:
        return tag_of(*facts, *self._chosen)


def names(if_none_match: str, tag: str) -> bool:
    """Whether a client says that it has the answer of this tag, which may have its quotes or not."""
    if not if_none_match:
        return False
    return if_none_match == "*" or tag.removeprefix("W/").strip('"') in TAG.findall(if_none_match)


def tag_of(*facts: Any) -> str:
    """A tag without its quotes."""
    digest = hashlib.blake2b(repr((_version(), facts)).encode(), digest_size=12).digest()
    return base64.urlsafe_b64encode(digest).decode()


_version = cache(lambda: version("holdout"))


async def _condition(
    response: Response,
    if_none_match: Annotated[
        str,
        Header(
            description="The ETag of an earlier answer. If nothing has changed since, the answer is 304.",
            examples=['W/"8s2hX0"'],
        ),
    ] = "",
) -> Condition:
    return Condition(if_none_match, response)


Known = Annotated[Condition, Depends(_condition)]
