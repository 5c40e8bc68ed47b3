"""All pages of a list as rows."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE_ROWS = 1000
FLATTENED = ("metrics", "values")


def pages(read: Callable[..., dict[str, Any]], limit: int | None = None) -> list[dict[str, Any]]:
    """The rows of a list, at most `limit`; `metrics` and `values` become columns, and links are left out.

    read: a page, with the parameters `limit` and `cursor`.
    """
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while limit is None or len(rows) < limit:
        size = PAGE_ROWS if limit is None else min(limit - len(rows), PAGE_ROWS)
        page = read(limit=size, cursor=cursor)
        rows += map(_flat, page["items"])
        if page["next"] is None:
            break
        cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]
    return rows


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in row.items() if name not in (*FLATTENED, "links")}
    for name in FLATTENED:
        flat |= row.get(name) or {}
    return flat
