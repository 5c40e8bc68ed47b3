"""Content negotiation (RFC 9110, 12.5.1): which of the media types on offer a client prefers."""

from functools import lru_cache

EXACT, SUBTYPES, ANYTHING = 3, 2, 1
"""How precisely a range names a media type. The most precise range that matches decides."""


@lru_cache(maxsize=1000)
def preferred(accept: str, offered: tuple[str, ...]) -> str:
    """The media type with the highest quality; among equals the one that is named most precisely, then the first.

    If none is acceptable, the first: a server may disregard the header.
    """
    ranges = [_range(each) for each in accept.lower().split(",") if each.strip()]
    rated = [(_rating(ranges, media_type), media_type) for media_type in offered]
    best = max((rating for rating, _ in rated), default=(0.0, 0))
    if best[0] == 0:
        return offered[0]
    return next(media_type for rating, media_type in rated if rating == best)


def _range(text: str) -> tuple[str, float]:
    """A media range and its quality. A quality that is no number counts as 1, as if there were none."""
    name, *parameters = (each.strip() for each in text.split(";"))
    values = [each[2:] for each in parameters if each.startswith("q=")]
    try:
        quality = float(values[0]) if values else 1.0
    except ValueError:
        quality = 1.0
    return name, quality if 0 <= quality <= 1 else 1.0


def _rating(ranges: list[tuple[str, float]], media_type: str) -> tuple[float, int]:
    """The quality of a media type, and how precisely it is named; zeros if it is not acceptable."""
    matching = [(_precision(name, media_type), quality) for name, quality in ranges]
    precision, quality = max(matching, default=(0, 0.0))
    return (quality, precision) if precision else (0.0, 0)


def _precision(name: str, media_type: str) -> int:
    if name == media_type:
        return EXACT
    if name == f"{media_type.partition('/')[0]}/*":
        return SUBTYPES
    return ANYTHING if name == "*/*" else 0
