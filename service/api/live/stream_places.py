"""How many event streams each caller has open."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class TooManyStreams(Exception):
    """The caller has as many event streams open as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"You have {most} event streams open already, which is the limit. Close one of them first."
        )


class StreamPlaces:
    """The places of one application, `most` for each caller. Used in one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """Hold a place for as long as the context lasts. Raises TooManyStreams."""
        if self._open[caller] >= self._most:
            raise TooManyStreams(self._most)
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
