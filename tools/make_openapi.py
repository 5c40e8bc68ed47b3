"""Writes the OpenAPI document, service/api/openapi/openapi.json, which the service sends, from the routes.

Run: python -m tools.make_openapi [--check]
"""

import json
import sys
from functools import cache
from typing import Any

from service.api.openapi.document import FILE
from service.app import create_app
from service.settings import Settings
from tools.openapi_diff import breaking


@cache
def document() -> dict[str, Any]:
    """The document of the routes. It is built once, which takes seconds: do not change it."""
    return create_app(Settings(workers=0)).openapi()


def committed() -> dict[str, Any]:
    """The document in the repository."""
    document: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"paths": {}}
    return document


def main(arguments: list[str]) -> str | None:
    """Write the file, or with --check only compare it. Returns what is wrong, or None."""
    now, before = document(), committed()
    broken = [f"  {change}" for change in breaking(before, now)]
    if "--check" not in arguments:
        FILE.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n")
        print(*broken, sep="\n", end="\n" if broken else "")  # noqa: T201 -- for the developer
    elif now != before:
        why = ["Breaking changes:", *broken] if broken else ["No change is breaking."]
        return "\n".join(
            [f"{FILE.name} differs from the document of the routes.", *why, "To write it: make openapi"]
        )
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
