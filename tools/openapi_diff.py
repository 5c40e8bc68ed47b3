"""Finds the breaking changes between two versions of an OpenAPI document.

Additions break nothing; neither do requests that may contain more, or responses that promise more.
"""

from collections.abc import Iterator
from typing import Any

from tools.schema_diff import Side, changes

Document = dict[str, Any]


def breaking(old: Document, new: Document) -> list[str]:
    """One line per breaking change, in the order of the older document."""
    return [change for path in old["paths"] for change in _path(path, old, new)]


def _path(path: str, old: Document, new: Document) -> Iterator[str]:
    if path not in new["paths"]:
        yield f"{path}: removed"
        return
    for method, operation in old["paths"][path].items():
        where = f"{method.upper()} {path}"
        if method not in new["paths"][path]:
            yield f"{where}: removed"
            continue
        there = new["paths"][path][method]
        if operation.get("operationId") != there.get("operationId"):
            yield f"{where}: operationId {operation.get('operationId')} is now {there.get('operationId')}"
        yield from _parameters(where, operation, there, (old, new))
        yield from _body(where, operation, there, (old, new))
        yield from _responses(where, operation, there, (old, new))


def _parameters(
    where: str, old: Document, new: Document, documents: tuple[Document, Document]
) -> Iterator[str]:
    before, after = _named(old), _named(new)
    for key, parameter in before.items():
        place = f"{where} {key[0]} {key[1]}"
        if key not in after:
            yield f"{place}: removed"
            continue
        if after[key].get("required") and not parameter.get("required"):
            yield f"{place}: is required now"
        yield from changes(place, parameter["schema"], after[key]["schema"], documents, "request")
    for (kind, name), parameter in after.items():
        if (kind, name) not in before and parameter.get("required"):
            yield f"{where} {kind} {name}: new, and required"


def _body(where: str, old: Document, new: Document, documents: tuple[Document, Document]) -> Iterator[str]:
    before, after = old.get("requestBody"), new.get("requestBody")
    if after is None:
        if before is not None:
            yield f"{where} body: removed"
        return
    if after.get("required") and not (before or {}).get("required"):
        yield f"{where} body: is required now"
    if before is not None:
        yield from _content(f"{where} body", before, after, documents, "request")


def _responses(
    where: str, old: Document, new: Document, documents: tuple[Document, Document]
) -> Iterator[str]:
    for status, response in old["responses"].items():
        place = f"{where} {status}"
        if status not in new["responses"]:
            yield f"{place}: removed"
            continue
        there = new["responses"][status]
        yield from _content(place, response, there, documents, "response")
        for name in response.get("headers", {}):
            if name not in there.get("headers", {}):
                yield f"{place} header {name}: removed"


def _content(
    where: str, old: Document, new: Document, documents: tuple[Document, Document], side: Side
) -> Iterator[str]:
    for media_type, shape in old.get("content", {}).items():
        if media_type not in new.get("content", {}):
            yield f"{where} {media_type}: removed"
            continue
        before, after = shape.get("schema", {}), new["content"][media_type].get("schema", {})
        yield from changes(f"{where} {media_type}", before, after, documents, side)


def _named(operation: Document) -> dict[tuple[str, str], Any]:
    return {(each["in"], each["name"]): each for each in operation.get("parameters", ())}
