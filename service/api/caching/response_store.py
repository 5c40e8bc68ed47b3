"""Answers that are kept, by what was asked: so many bytes of them, and those unused for longest go first."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from fastapi import Response

from service.http.conditional import Condition

MOST_BYTES = 16_000_000
LARGEST_BYTES = MOST_BYTES // 8
OVERHEAD_BYTES = 1000
"""What an answer takes beside its body."""

CacheKey = tuple[str, bytes, str]
"""Path and query, as they came, and the format that the client prefers."""
UNCHANGED = (b"etag", b"cache-control", b"vary")
"""What is said of an answer to a client that has it."""
Headers = list[tuple[bytes, bytes]]
"""As ASGI has them, names in lower case."""

Revalidation = Callable[[Condition], Response]
"""Blocks, and raises NotModified where a tag of the condition still holds."""


@dataclass(frozen=True)
class CachedResponse:
    """One answer, with a tag. version: of the database under which it was known to hold. body: None where the
    client had it already, so that only the tag was learned. route: for the log and the metrics. renew: makes it
    anew, where that is known.
    """

    version: int | None
    route: object
    headers: Headers
    body: bytes | None
    renew: Revalidation | None = None

    @cached_property
    def tag(self) -> str:
        return etag_in(self.headers)

    @cached_property
    def unchanged(self) -> Headers:
        """The headers of the answer to a client that has it."""
        return [header for header in self.headers if header[0] in UNCHANGED]

    @property
    def size(self) -> int:
        return len(self.body or b"") + OVERHEAD_BYTES


def etag_in(headers: Headers) -> str:
    """The tag of an answer; empty where it has none."""
    return next((value.decode("latin-1") for name, value in headers if name == b"etag"), "")


class ResponseStore:
    """Used in one event loop."""

    def __init__(self, most_bytes: int = MOST_BYTES, largest_bytes: int = LARGEST_BYTES) -> None:
        self.most_bytes, self.largest_bytes = most_bytes, largest_bytes
        self._answers: OrderedDict[CacheKey, CachedResponse] = OrderedDict()
        self._size = 0

    def get(self, address: CacheKey) -> CachedResponse | None:
        """What was answered there last; None where that is not kept."""
        if address in self._answers:
            self._answers.move_to_end(address)
        return self._answers.get(address)

    def put(self, address: CacheKey, answer: CachedResponse) -> None:
        """Keep an answer, in place of the one before."""
        if address in self._answers:
            self._size -= self._answers.pop(address).size
        if answer.size > self.largest_bytes:
            return
        self._answers[address] = answer
        self._size += answer.size
        while self._size > self.most_bytes:
            self._size -= self._answers.popitem(last=False)[1].size
