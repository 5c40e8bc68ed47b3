"""Looks up the operations of an OpenAPI document."""

import re
from typing import Any


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The method and path of each operation, by its operationId."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def operation_of(method: str, path: str, document: dict[str, Any]) -> str | None:
    """The operationId of a request. If several paths match, it is the one with the fewest parameters."""
    matching = [
        (template.count("{"), name)
        for name, (its_method, template) in operations(document).items()
        if its_method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return min(matching)[1] if matching else None
