"""Options of an engine that SQLite and PostgreSQL share."""

from typing import Any

from pydantic_core import from_json, to_json

POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": 48}
"""Enough connections for all threads that may need one, so that no thread waits for a connection."""


def _json(value: Any) -> str:
    return to_json(value, inf_nan_mode="constants").decode()


JSON_CODEC: dict[str, Any] = {"json_serializer": _json, "json_deserializer": from_json}
"""JSON columns are read and written by pydantic's core, in a third of the time of Python's own module."""
