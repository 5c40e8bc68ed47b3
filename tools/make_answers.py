"""Write service/api/openapi/response_examples.json: the shortened responses to the commands of docs/api.md.

Run: python -m tools.make_answers
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from service.api.openapi.response_examples import FILE
from service.app import create_app
from service.launcher import serving
from service.settings import Settings
from tools.doc_commands import Answer, Command, commands, run, settle
from tools.openapi_operations import operation_of

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
MOST_ITEMS = 2
"""Of a list of objects; lists of numbers and names belong together."""
MOST_LINES = 4
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 -- the example of the standard
Answered = tuple[Command, Answer]


def answered(url: str, folder: Path) -> list[Answered]:
    """The page's commands in order, each once nothing runs any more, unless it is to cancel what does."""
    found = []
    for command in commands(PAGE.read_text()):
        if not command.path.endswith("/cancel"):
            settle(url)
        found.append((command, run(command, url, folder)))
    return found


def examples(found: Iterable[Answered], document: dict[str, Any]) -> dict[str, Any]:
    """By operation, status and media type; the first of each."""
    kept: dict[str, Any] = {}
    for command, answer in found:
        operation = operation_of(command.method, command.path, document)
        if operation is not None and answer.body and answer.status < 400:
            statuses = kept.setdefault(operation, {})
            statuses.setdefault(str(answer.status), {}).setdefault(answer.media_type, _example(answer))
    return kept


def shortened(value: Any) -> Any:
    """With the first items of every list of objects, and no secret that ever was one."""
    if isinstance(value, dict):
        return {key: SECRET if key == "secret" else shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [
            shortened(each)
            for each in (value[:MOST_ITEMS] if any(isinstance(each, dict) for each in value) else value)
        ]
    return value


def _example(answer: Answer) -> Any:
    if answer.media_type == "application/json":
        return shortened(json.loads(answer.body))
    return "".join(answer.body.decode().splitlines(keepends=True)[:MOST_LINES])


def main() -> None:
    """Write the file."""
    settings = {"port": 0, "workers": 1, "webhooks_private": True, "log_level": "warning"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(Settings.model_validate({**settings, "data_dir": folder / "data"})) as url:
            found = answered(url, folder)
    kept = examples(found, create_app(Settings(workers=0)).openapi())
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
