"""Request bodies: read within a limit and a deadline, and parsed as strict JSON.

Python's parser takes NaN, Infinity, keys given twice (the last wins), halves of surrogate pairs, and 1e999 as
infinity. None of them can be stored and returned unchanged, so all are refused.

BodyError
├── BodyTooLarge            more bytes than the settings allow
├── BodyTooSlow             it did not arrive in time
├── UnsupportedMediaType    it does not call itself JSON
└── MalformedJSON           it is not JSON, or not the strict kind
"""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any, NoReturn

import anyio
from fastapi import Request

BODY_SECONDS = 10.0
MOST_DIGITS = 100
LARGEST_EXACT = 2**53
"""From here on not every whole number is a double, so a double may not be the number that was written."""


class BodyError(ValueError):
    """The body cannot be read."""


class BodyTooLarge(BodyError):
    """The body is larger than the settings allow."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than the limit of {limit:,} bytes.")


class BodyTooSlow(BodyError):
    """The body did not arrive in time."""

    def __init__(self) -> None:
        super().__init__(f"The body did not arrive within {BODY_SECONDS:.0f} seconds.")


class UnsupportedMediaType(BodyError):
    """The header Content-Type does not declare the body as JSON."""

    def __init__(self, given: str | None) -> None:
        found = f"is {given[:100]!r}" if given else "is missing"
        super().__init__(f"The header Content-Type {found}; send application/json (curl: use --json).")


class MalformedJSON(BodyError):
    """The body is not strict JSON."""


class JSONRequest(Request):
    """A request whose `json()` reads strictly, and only once."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            _require_json(self.headers.get("content-type"))
            self._json = parse(await self._read(self.app.state.settings.max_body_bytes))
        return self._json

    async def _read(self, limit: int) -> bytes:
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            raise BodyTooLarge(limit)
        content = bytearray()
        try:
            with anyio.fail_after(BODY_SECONDS):
                async for chunk in self.stream():
                    content += chunk
                    if len(content) > limit:
                        raise BodyTooLarge(limit)
        except TimeoutError:
            raise BodyTooSlow from None
        self._body = bytes(content)  # where Starlette stores the body
        return self._body


def parse(content: bytes) -> Any:
    """The value of a strict JSON text in UTF-8. Raises MalformedJSON."""
    try:
        text = content.decode()
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_number,
            parse_int=_bounded,
        )
        if "\\u" in text:
            _require_storable(value)
    except UnicodeDecodeError:
        raise MalformedJSON("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise MalformedJSON(_not_json(content, error)) from None
    except RecursionError:
        raise MalformedJSON("The body is nested too deeply.") from None
    return value


def _require_json(content_type: str | None) -> None:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType(content_type)


def _not_json(content: bytes, error: json.JSONDecodeError) -> str:
    if not content.strip():
        return "The body is empty. Send {} for an experiment with the default of every field."
    return f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedJSON(f"The key {key[:100]!r} is given twice in one object.")
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJSON(f"{name} is not a JSON number.")


def _number(text: str) -> float:
    """A number with a fraction or an exponent. JSON has one kind of number: 20.0 is the whole number 20."""
    value = float(text)
    if not isfinite(value):
        raise MalformedJSON(f"The number {text[:MOST_DIGITS]} is out of range.")
    return int(value) if value.is_integer() and abs(value) < LARGEST_EXACT else value


def _bounded(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise MalformedJSON(f"A number has {len(text):,} digits; the limit is {MOST_DIGITS}.")
    return int(text)


def _require_storable(value: Any) -> None:
    for text in _strings(value):
        if "\x00" in text:
            raise MalformedJSON("A string contains the character NUL.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise MalformedJSON("A string contains half of a surrogate pair.") from None


def _strings(value: Any) -> Iterator[str]:
    """Every string in a parsed value, keys included. Uses its own stack, as values may be nested deeply."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += [*item, *item.values()]
        elif isinstance(item, list):
            left += item
