"""The OpenAPI document in plain words of version 3.1: what other tools refuse of what FastAPI writes is rewritten.

FastAPI describes a stream of events by `itemSchema`, which OpenAPI 3.2 brought. Pydantic gives a field that is an
object its default, which generators of clients cannot write down: the catalogue has the defaults of each variant.
"""

from typing import Any

STREAM = {"type": "string"}
"""Of events, each of which is text."""


def in_plain_words(part: Any) -> Any:
    """The document, or a part of it."""
    if isinstance(part, list):
        return [in_plain_words(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _inside(key, value) for key, value in part.items() if not _is_beyond(key, value)}
    return plain | ({"schema": STREAM} if "itemSchema" in part else {})


def _inside(key: str, value: Any) -> Any:
    """Of properties, the keys are names: one may be called `default`."""
    if key == "properties":
        return {name: in_plain_words(schema) for name, schema in value.items()}
    return value if key in ("example", "examples") else in_plain_words(value)


def _is_beyond(key: str, value: Any) -> bool:
    return key == "itemSchema" or (key == "default" and isinstance(value, dict))
