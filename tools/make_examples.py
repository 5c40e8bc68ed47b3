"""Writes service/api/openapi/response_examples.json: the shortened responses to the commands of docs/api.md.

Run: python -m tools.make_examples
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx2

from service.api.openapi.response_examples import FILE
from service.app import create_app
from service.launcher import serving
from service.settings import Settings
from tools.doc_commands import Command, Response, commands, run, wait_until_idle
from tools.openapi_operations import operation_of

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
MAX_ITEMS = 2
"""Of a list of objects. Lists of numbers and of names stay whole."""
MAX_LINES = 4
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 -- the example secret of Standard Webhooks
Executed = tuple[Command, Response]


def run_commands(url: str, folder: Path) -> list[Executed]:
    """Run the page's commands in order, each when no experiment is active. A cancellation does not wait for that."""
    found = []
    with httpx2.Client(base_url=url) as http:
        for command in commands(PAGE.read_text()):
            if not command.path.endswith("/cancel"):
                wait_until_idle(http)
            found.append((command, run(command, url, folder)))
    return found


def examples(executed: Iterable[Executed], document: dict[str, Any]) -> dict[str, Any]:
    """The first successful response of each operation, status and media type, shortened."""
    found: dict[str, Any] = {}
    for command, response in executed:
        operation = operation_of(command.method, command.path, document)
        if operation is not None and response.body and response.status < 400:
            statuses = found.setdefault(operation, {})
            statuses.setdefault(str(response.status), {}).setdefault(response.media_type, _example(response))
    return found


def shortened(value: Any) -> Any:
    """A copy with the first items of every list of objects, and without real secrets."""
    if isinstance(value, dict):
        return {key: SECRET if key == "secret" else shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [
            shortened(each)
            for each in (value[:MAX_ITEMS] if any(isinstance(each, dict) for each in value) else value)
        ]
    return value


def _example(response: Response) -> Any:
    if response.media_type == "application/json":
        return shortened(json.loads(response.body))
    return "".join(response.body.decode().splitlines(keepends=True)[:MAX_LINES])


def main() -> None:
    """Run the commands against a service, and write their responses to the file."""
    settings = {"port": 0, "workers": 1, "webhooks_private": True, "log_level": "warning"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(Settings.model_validate({**settings, "data_dir": folder / "data"})) as url:
            executed = run_commands(url, folder)
    found = examples(executed, create_app(Settings(workers=0)).openapi())
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
