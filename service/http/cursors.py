"""Cursors: the position where a page of a collection ended, as opaque text that a client sends back.

They are signed. Only cursors from this service are accepted, so their content may change from one version to the next
without breaking a client.
"""

import base64
import hashlib
import hmac
import json
from contextvars import ContextVar
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

KEY: ContextVar[bytes] = ContextVar("cursor_key")
"""The signing key of the service. Every route sets it, and all replicas have the same."""
SIGNATURE_BYTES = 12
"""The bytes of HMAC-SHA-256 that are used: enough, as each guess costs a request and gains only another position
in a list.
"""


class InvalidCursor(ValueError):
    """The cursor does not come from this service."""

    def __init__(self) -> None:
        super().__init__("The cursor does not come from this service. Take it from a `next` link.")


def encode(position: Any) -> str:
    """The cursor for a position, which is JSON."""
    compact = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(compact) + compact).decode().rstrip("=")


def decode(cursor: str, position: TypeAdapter[T]) -> T:
    """The position behind a cursor, checked to be of its type. Raises InvalidCursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        signed = base64.b64decode(padded, altchars=b"-_", validate=True)
        signature, compact = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(compact)):
            raise InvalidCursor
        return position.validate_json(compact, strict=True)
    except (ValueError, ValidationError):
        raise InvalidCursor from None


def _signature(compact: bytes) -> bytes:
    return hmac.digest(KEY.get(), compact, hashlib.sha256)[:SIGNATURE_BYTES]
