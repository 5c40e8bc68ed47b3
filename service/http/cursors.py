"""Cursors: where a page of a collection ended, as opaque text that a client hands back."""

import base64
import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


class InvalidCursor(ValueError):
    """A cursor is not one that was given out."""

    def __init__(self) -> None:
        super().__init__("The cursor is not one that was given out here; take it from a `next` link.")


def encode(position: Any) -> str:
    """The cursor for a position, which is JSON."""
    compact = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(compact).decode().rstrip("=")


def decode(cursor: str, position: TypeAdapter[T]) -> T:
    """The position behind a cursor, checked to be of its type. Raises InvalidCursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return position.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True), strict=True)
    except (ValueError, ValidationError):
        raise InvalidCursor from None
