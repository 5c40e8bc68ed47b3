"""Cached responses by cache key, of a limited number of bytes: the least recently used ones are dropped first."""

from dataclasses import dataclass
from functools import cached_property

from fastapi import Response

from service.http.conditional import not_modified
from service.store.database import Version
from workers.lru_cache import LruCache

MOST_BYTES = 16_000_000
LARGEST_BYTES = MOST_BYTES // 8
IDLE_SECONDS = 120.0
"""A response that nobody asks for any more is dropped then."""
OVERHEAD_BYTES = 1000
"""What a response takes beside its body."""

CacheKey = tuple[str, bytes, str]
"""The path and the query as they were sent, and the format that the client prefers."""
RawHeaders = list[tuple[bytes, bytes]]
"""Headers as ASGI sends them, with names in lower case."""


@dataclass(frozen=True)
class CachedResponse:
    """One response that has an etag.

    data_version: the version of the database at which it was last known to be current. route: for the log and the
    metrics. body: None if the client had it already, so that only the headers were learned.
    """

    data_version: Version | None
    route: object
    headers: RawHeaders
    body: bytes | None

    @cached_property
    def etag(self) -> str:
        return etag_in(self.headers)

    @cached_property
    def whole(self) -> Response:
        """The response 200."""
        response = Response(self.body)
        response.raw_headers = self.headers
        return response

    @cached_property
    def not_modified(self) -> Response:
        """The response 304."""
        return not_modified({name.decode(): value.decode("latin-1") for name, value in self.headers})

    @property
    def size(self) -> int:
        return len(self.body or b"") + OVERHEAD_BYTES


def etag_in(headers: RawHeaders) -> str:
    """The etag of a response; empty if it has none."""
    return next((value.decode("latin-1") for name, value in headers if name == b"etag"), "")


class ResponseStore:
    """The cached responses of one application."""

    def __init__(self, most_bytes: int = MOST_BYTES, largest_bytes: int = LARGEST_BYTES) -> None:
        self._largest_bytes = largest_bytes
        self._responses: LruCache[CacheKey, CachedResponse] = LruCache(
            most_bytes, lambda each: each.size, IDLE_SECONDS
        )

    def get(self, key: CacheKey) -> CachedResponse | None:
        """The latest response to these requests; None if it is not cached."""
        return self._responses.get(key)

    def put(self, key: CacheKey, response: CachedResponse) -> None:
        """Store a response in place of the one before. One that is too large only removes it."""
        if response.size > self._largest_bytes:
            self._responses.remove(key)
        else:
            self._responses.put(key, response)

    def clear(self) -> None:
        """Drop all responses."""
        self._responses.clear()
