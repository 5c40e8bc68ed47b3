"""Write docs/openapi.json: the OpenAPI document of the service, for clients to be generated from and reviews to read.

Run: python -m tools.make_openapi [--check]
"""

import json
import sys
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings
from tools.openapi_diff import breaking

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def document() -> dict[str, Any]:
    """As the service serves it."""
    return create_app(Settings(workers=0)).openapi()


def committed() -> dict[str, Any]:
    """As it was written last."""
    found: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"paths": {}}
    return found


def main(arguments: list[str]) -> str | None:
    """Write the file, or with --check only compare; what is wrong, or None."""
    now, before = document(), committed()
    broken = [f"  {change}" for change in breaking(before, now)]
    if "--check" not in arguments:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n")
        print(*broken, sep="\n", end="\n" if broken else "")  # noqa: T201 -- for whoever writes it
    elif now != before:
        why = (
            ["It breaks what clients rely on:", *broken]
            if broken
            else ["Nothing that clients rely on breaks."]
        )
        return "\n".join(
            [f"{FILE.name} is not what the service says now.", *why, "Write it anew: make openapi"]
        )
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
