"""Rewrites the parts of FastAPI's and pydantic's schemas that other OpenAPI 3.1 tools refuse or misread.

- FastAPI describes a stream of events with `itemSchema`, which only OpenAPI 3.2 has.
- Pydantic gives a field that is an object its default, and generators of clients cannot write that down. The
  catalogue has the defaults of each variant instead.
- Pydantic writes `lt=2**63` as 9.223372036854776e+18, which is 192 more than the bound.
"""

from typing import Any

EVENT_STREAM = {"type": "string"}
"""The schema of a stream of events: text."""
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
MAX_INTEGER = 2**63


def portable(part: Any) -> Any:
    """A rewritten copy of the document, or of a part of it."""
    if isinstance(part, list):
        return [portable(each) for each in part]
    if not isinstance(part, dict):
        return part
    result = {key: _value(key, value) for key, value in part.items() if not _is_dropped(key, value)}
    return result | ({"schema": EVENT_STREAM} if "itemSchema" in part else {})


def _value(key: str, value: Any) -> Any:
    if key == "properties":  # its keys are names: one may be called `default`
        return {name: portable(schema) for name, schema in value.items()}
    if key in BOUNDS:
        return _exact(value)
    return value if key in ("example", "examples") else portable(value)


def _is_dropped(key: str, value: Any) -> bool:
    return key == "itemSchema" or (key == "default" and isinstance(value, dict))


def _exact(bound: Any) -> Any:
    """A whole number as an integer."""
    is_whole = isinstance(bound, float) and bound.is_integer() and abs(bound) <= MAX_INTEGER
    return int(bound) if is_whole else portable(bound)
