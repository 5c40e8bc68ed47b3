"""docs/api.md: its commands, run in order against a service, cover the API and are answered as it shows."""

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from service.launcher import serving
from service.settings import Settings
from tools import make_answers, make_openapi
from tools.doc_commands import Answer, Command, commands
from tools.openapi_operations import operation_of, operations

REFUSED_ON_PURPOSE = '"gama"'


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return make_openapi.document()


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[make_answers.Answered]]:
    if not shutil.which("curl"):
        pytest.skip("the commands need curl")
    folder = tmp_path_factory.mktemp("shell")
    settings = Settings(
        data_dir=folder / "data", port=0, workers=1, webhooks_private=True, log_level="warning"
    )
    with serving(settings) as url:
        yield make_answers.answered(url, folder)


def test_every_operation_has_a_command(document: dict[str, Any]) -> None:
    shown = commands(make_answers.PAGE.read_text())
    described = {operation_of(command.method, command.path, document) for command in shown}
    assert set(operations(document)) - described == set()


def test_every_command_is_carried_out(
    answered: list[make_answers.Answered], document: dict[str, Any]
) -> None:
    for command, answer in answered:
        assert operation_of(command.method, command.path, document) is not None, command.text
        assert (answer.status < 400) != (REFUSED_ON_PURPOSE in command.text), (command.text, answer.body)


def test_what_the_page_shows_of_an_answer_is_in_it(answered: list[make_answers.Answered]) -> None:
    for command, answer in answered:
        assert [word for word in _words(command) if word not in answer.body.decode()] == [], command.text


def test_what_is_downloaded_is_what_it_says(answered: list[make_answers.Answered]) -> None:
    media_types = {command.path: answer.media_type for command, answer in answered}
    assert media_types["/experiments/$plain/bundle"] == "application/zip"
    assert media_types["/datasets/digits/preview.png"] == "image/png"


def test_the_answers_are_of_the_declared_shape(
    answered: list[make_answers.Answered], document: dict[str, Any]
) -> None:
    for command, answer in answered:
        operation = operation_of(command.method, command.path, document)
        if answer.media_type == "application/json" and operation and answer.body:
            _validate(json.loads(answer.body), _schema(document, operation, str(answer.status)), document)


def test_every_answer_in_json_has_an_example_of_the_declared_shape(document: dict[str, Any]) -> None:
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


def test_a_field_that_is_not_answered_would_be_noticed() -> None:
    command = Command("curl", '{"status": "ready", "colour": "red"}\n')
    answer = Answer(200, "application/json", b'{"status":"ready"}')
    assert [word for word in _words(command) if word not in answer.body.decode()] == ['"colour":']


def _words(command: Command) -> list[str]:
    """What of an answer is shown: the names of its fields; of a text, whatever comes before the dots."""
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
