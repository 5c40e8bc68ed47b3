"""Pauses between attempts at something that fails for a while: each twice as long, up to a limit."""

from collections.abc import Iterator

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


def growing_pauses() -> Iterator[float]:
    """Seconds to wait after the first failure, the second, and so on without end."""
    pause = FIRST_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_SECONDS)
