"""Finds the breaking changes between two versions of a JSON schema.

The schema of a request must not become narrower, so that the service still accepts what clients send. The schema of a
response must not become wider, so that clients can still read it. In both, removing a property or a value is
breaking.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

Schema = Any
Documents = tuple[dict[str, Any], dict[str, Any]]
Side = Literal["request", "response"]

LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def changes(where: str, old: Schema, new: Schema, documents: Documents, side: Side) -> Iterator[str]:
    """One line for each breaking change between two schemas of two documents."""
    yield from _Comparison(documents, side).schemas(where, old, new)


class _Comparison:
    """Compares two schemas. It follows each reference once, because a schema may refer to itself."""

    def __init__(self, documents: Documents, side: Side) -> None:
        self._old, self._new = documents
        self._side = side
        self._open: set[str] = set()

    def schemas(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        pair = json.dumps([old, new], sort_keys=True)
        if pair in self._open:
            return
        self._open.add(pair)
        before, after = _alternatives(old, self._old), _alternatives(new, self._new)
        yield from self._kinds(where, before, after)
        for kind, schema in before.items():
            if kind in after:
                yield from self._same_kind(_place(where, kind, before), schema, after[kind])
        self._open.remove(pair)

    def _kinds(self, where: str, before: dict[str, Schema], after: dict[str, Schema]) -> Iterator[str]:
        if self._side == "request" and "any" not in after:
            for kind in before.keys() - after.keys():
                if not (kind == "integer" and "number" in after):
                    yield f"{where}: no longer takes {kind}"
        if self._side == "response" and "any" not in before:
            for kind in after.keys() - before.keys():
                if not (kind == "integer" and "number" in before):
                    yield f"{where}: may now be {kind}"

    def _same_kind(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from _values(where, old, new)
        yield from self._properties(where, old, new)
        if self._side == "request":
            yield from _bounds(where, old, new)
        for key, place in (("items", f"{where}[]"), ("additionalProperties", f"{where}.*")):
            inner = new.get(key)
            if isinstance(old.get(key), dict) and isinstance(inner, dict):
                yield from self.schemas(place, old[key], inner)

    def _properties(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            if name not in after:
                yield f"{where}.{name}: removed"
                continue
            if self._side == "response" and name in needed_before - needed_after:
                yield f"{where}.{name}: may be absent now"
            yield from self.schemas(f"{where}.{name}", schema, after[name])
        if self._side == "request":
            for name in sorted(needed_after - needed_before):
                yield f"{where}.{name}: is required now"


def _values(where: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = _enumerated(old), _enumerated(new)
    if after is None:
        return
    if before is None:
        yield f"{where}: only {', '.join(map(repr, after))} now"
        return
    for value in before:
        if value not in after:
            yield f"{where}: {value!r} removed"


def _bounds(where: str, old: Schema, new: Schema) -> Iterator[str]:
    tighter: tuple[tuple[tuple[str, ...], Callable[[Any, Any], bool]], ...] = (
        (LOWER_BOUNDS, lambda was, now: now > was),
        (UPPER_BOUNDS, lambda was, now: now < was),
        (("pattern", "not"), lambda was, now: now != was),
    )
    for keys, is_tighter in tighter:
        for key in keys:
            if key in new and (key not in old or is_tighter(old[key], new[key])):
                yield f"{where}: {key} is {new[key]} now, was {old.get(key, 'none')}"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{where}: no longer takes other properties"


def _enumerated(schema: Schema) -> list[Any] | None:
    found: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    return found


def _alternatives(schema: Schema, document: dict[str, Any]) -> dict[str, Schema]:
    """The schemas that a value may satisfy, by the kind of value: its type, or the name of a variant."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _alternatives(document["components"]["schemas"][name], document)
    found: dict[str, Schema] = {}
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        for kind, inner in _alternatives(each, document).items():
            found[f"{kind} {inner.get('title', '')}" if kind in found else kind] = inner
    return found or dict.fromkeys(_kinds_of(schema), schema)


def _kinds_of(schema: Schema) -> list[str]:
    if variant := schema.get("properties", {}).get("name", {}).get("const"):
        return [variant]
    types = schema.get("type")
    if types is None:
        return sorted({TYPES[type(value)] for value in _enumerated(schema) or ()}) or ["any"]
    return types if isinstance(types, list) else [types]


def _place(where: str, kind: str, kinds: dict[str, Schema]) -> str:
    return where if len(kinds) == 1 else f"{where} ({kind})"
