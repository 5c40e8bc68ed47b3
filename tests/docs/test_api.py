"""docs/api.md: its commands cover the API and, run in order against a service, return what the page shows."""

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from service.launcher import serving
from service.settings import Settings
from tools import make_examples, make_openapi
from tools.doc_commands import Command, Response, commands
from tools.openapi_operations import operation_of, operations

REFUSED_ON_PURPOSE = '"gama"'


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return make_openapi.committed()


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[make_examples.Executed]]:
    if not shutil.which("curl"):
        pytest.skip("the commands need curl")
    folder = tmp_path_factory.mktemp("shell")
    settings = Settings(
        data_dir=folder / "data", port=0, workers=1, webhooks_private=True, log_level="warning"
    )
    with serving(settings) as url:
        yield make_examples.run_commands(url, folder)


def test_every_operation_has_a_command(document: dict[str, Any]) -> None:
    shown = commands(make_examples.PAGE.read_text())
    described = {operation_of(command.method, command.path, document) for command in shown}
    assert set(operations(document)) - described == set()


def test_every_command_succeeds_except_one_that_shows_an_error(
    executed: list[make_examples.Executed], document: dict[str, Any]
) -> None:
    for command, response in executed:
        assert operation_of(command.method, command.path, document) is not None, command.text
        assert (response.status < 400) != (REFUSED_ON_PURPOSE in command.text), (command.text, response.body)


def test_a_response_contains_what_the_page_shows_of_it(executed: list[make_examples.Executed]) -> None:
    for command, response in executed:
        assert [word for word in _words(command) if word not in response.body.decode()] == [], command.text


def test_downloads_have_the_right_media_type(executed: list[make_examples.Executed]) -> None:
    media_types = {command.path: response.media_type for command, response in executed}
    assert media_types["/experiments/$plain/bundle"] == "application/zip"
    assert media_types["/datasets/digits/preview.png"] == "image/png"


def test_the_responses_match_their_schemas(
    executed: list[make_examples.Executed], document: dict[str, Any]
) -> None:
    for command, response in executed:
        operation = operation_of(command.method, command.path, document)
        if response.media_type == "application/json" and operation and response.body:
            _validate(json.loads(response.body), _schema(document, operation, str(response.status)), document)


def test_every_json_response_has_an_example_that_matches_its_schema(document: dict[str, Any]) -> None:
    missing = []
    for name, (method, path) in operations(document).items():
        responses = document["paths"][path][method.lower()]["responses"]
        shapes = {
            status: response.get("content", {}).get("application/json", {})
            for status, response in responses.items()
            if int(status) < 300
        }
        examples = {status: shape["example"] for status, shape in shapes.items() if "example" in shape}
        if any(shapes.values()) and not examples:
            missing.append(name)
        for status, example in examples.items():
            _validate(example, _schema(document, name, status), document)
    assert missing == []


def test_a_field_that_a_response_lacks_would_be_noticed() -> None:
    command = Command("curl", '{"status": "ready", "colour": "red"}\n')
    response = Response(200, "application/json", b'{"status":"ready"}')
    assert [word for word in _words(command) if word not in response.body.decode()] == ['"colour":']


def _words(command: Command) -> list[str]:
    """What the page shows of a response: the names of its fields, or of a text, what comes before the dots."""
    if command.shown.lstrip().startswith("{"):
        return re.findall(r'"\w+":', command.shown)
    return [line.split("...")[0].rstrip() for line in command.shown.splitlines()]


def _schema(document: dict[str, Any], operation: str, status: str) -> dict[str, Any]:
    method, path = operations(document)[operation]
    response = document["paths"][path][method.lower()]["responses"][status]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return schema


def _validate(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema_rs.validator_for(whole).validate(value)
