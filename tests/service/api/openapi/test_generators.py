"""The OpenAPI document as validators and generators of clients take it: each rule is one that some tool needs."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

Schema = dict[str, Any]

UNICODE_ESCAPES = re.compile(r"\\(?:[\^$\\.*+?()\[\]{}|/]|[dDsSwWbBnrtvf]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})")
"""What ECMAScript takes behind a backslash under the flag `u`, and Python as well."""


@pytest.fixture(scope="module")
def document(app: FastAPI) -> Schema:
    return app.openapi()


def everything(value: Any) -> Iterator[Schema]:
    """Every object within the document, but for what is only an example."""
    if isinstance(value, dict):
        yield value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        if key not in ("example", "examples"):
            yield from everything(each)


def patterns(document: Schema) -> set[str]:
    return {each["pattern"] for each in everything(document) if isinstance(each.get("pattern"), str)}


def is_unicode(pattern: str) -> bool:
    """Whether every backslash of the pattern begins an escape that the flag `u` allows."""
    rest = UNICODE_ESCAPES.sub("", pattern.replace(r"\-", "-") if "[" in pattern else pattern)
    return "\\" not in rest


def test_it_is_valid(document: Schema) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@pytest.mark.thorough
def test_what_openapi_32_brought_would_be_refused(document: Schema) -> None:
    path = "/experiments/{experiment_id}/events"
    broken = json.loads(json.dumps(document | {"paths": {path: document["paths"][path]}}))
    stream = broken["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
    stream["itemSchema"] = stream.pop("schema")
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_no_default_is_an_object(document: Schema) -> None:
    defaults = [each["default"] for each in everything(document) if "default" in each and "title" in each]
    assert [each for each in defaults if isinstance(each, dict) and "type" not in each] == []
    assert any(isinstance(each, list) for each in defaults)


def test_every_pattern_compiles_under_the_flag_u(document: Schema) -> None:
    assert len(patterns(document)) > 5
    for pattern in patterns(document):
        assert is_unicode(pattern), pattern
        re.compile(pattern)
        assert '"' not in pattern, "ends the string that openapi-generator writes for Python"


def test_an_escaped_quote_would_be_noticed() -> None:
    assert not is_unicode(r"[!\"$]")
    assert is_unicode(r"^[\x20-\x7e\[\]]$")


def test_every_pattern_compiles_in_node(document: Schema) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here: the escapes alone are checked")
    script = "for (const each of JSON.parse(process.argv[1])) new RegExp(each, 'u')"
    subprocess.run([node, "-e", script, json.dumps(sorted(patterns(document)))], check=True)


def test_what_tells_variants_apart_is_required_in_each(document: Schema) -> None:
    unions = [each for each in everything(document) if isinstance(each.get("discriminator"), dict)]
    assert len(unions) > 10
    for union in unions:
        told_by, known = union["discriminator"]["propertyName"], union["discriminator"]["mapping"].values()
        assert {option["$ref"] for option in union["oneOf"]} == set(known)
        for reference in known:
            variant = document["components"]["schemas"][reference.rpartition("/")[2]]
            assert told_by in variant["required"], reference


def test_no_object_within_a_schema_is_called_like_another_schema(document: Schema) -> None:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for inner in schema.get("properties", {}).values():
            if inner.get("type") == "object":
                called = inner.get("title", "").replace(" ", "")
                assert called not in schemas
                assert f"{name}{called}" not in schemas, f"{name}{called}"


def test_a_token_is_needed_only_while_the_service_is_not_open(document: Schema) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            security = operation["security"]
            assert security == [] or (security[0], list(security[1])) == ({}, ["token"])


def examples(document: Schema) -> Iterator[tuple[str, Schema, Any]]:
    """Every example of a body or an answer, with the schema that it is an example of."""
    for place, content in contents(document):
        for media_type, shape in content.items():
            if "json" in media_type:
                shown = [each["value"] for each in shape.get("examples", {}).values()]
                for value in shown + ([shape["example"]] if "example" in shape else []):
                    yield place, shape["schema"], value


def contents(document: Schema) -> Iterator[tuple[str, Schema]]:
    for path in document["paths"].values():
        for operation in path.values():
            name = operation["operationId"]
            yield name, operation.get("requestBody", {}).get("content", {})
            for status, response in operation["responses"].items():
                yield f"{name} {status}", response.get("content", {})


def test_every_example_is_one_of_its_schema(document: Schema) -> None:
    found = list(examples(document))
    assert len(found) > 100
    known = jsonschema_rs.Registry([("urn:document", {"components": document["components"]})])
    for place, schema, value in found:
        validator = jsonschema_rs.Draft202012Validator(within("urn:document", schema), registry=known)
        assert list(validator.iter_errors(value)) == [], place


def within(document: str, value: Any) -> Any:
    """A part of a document as one of its own: its references lead to the document."""
    if isinstance(value, dict):
        return {
            key: document + each if key == "$ref" and isinstance(each, str) else within(document, each)
            for key, each in value.items()
        }
    return [within(document, each) for each in value] if isinstance(value, list) else value
