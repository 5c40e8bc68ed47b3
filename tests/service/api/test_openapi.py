"""The OpenAPI document: complete, consistent, and free of what FastAPI would say by itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.api.examples import SPECS
from workers.spec import ExperimentSpec

Schema = dict[str, Any]

OPERATIONS = {
    "submit_experiment": ("post", "/experiments"),
    "validate_experiment": ("post", "/experiments/validate"),
    "list_experiments": ("get", "/experiments"),
    "read_experiment": ("get", "/experiments/{experiment_id}"),
    "cancel_experiment": ("post", "/experiments/{experiment_id}/cancel"),
    "delete_experiment": ("delete", "/experiments/{experiment_id}"),
    "read_metrics": ("get", "/experiments/{experiment_id}/metrics"),
    "read_classes": ("get", "/experiments/{experiment_id}/classes"),
    "read_confusion": ("get", "/experiments/{experiment_id}/confusion"),
    "list_datasets": ("get", "/datasets"),
    "read_dataset": ("get", "/datasets/{name}"),
    "read_catalog": ("get", "/catalog"),
    "read_health": ("get", "/health"),
    "read_ready": ("get", "/ready"),
    "list_problems": ("get", "/problems"),
    "read_problem": ("get", "/problems/{name}"),
}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture(scope="module")
def document(app: FastAPI) -> Schema:
    return app.openapi()


@pytest.fixture(scope="module")
def operations(document: Schema) -> dict[str, Schema]:
    return {each["operationId"]: each for path in document["paths"].values() for each in path.values()}


def everything(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(inner)


def test_operations_are_named_by_what_they_do(document: Schema) -> None:
    found = {
        each["operationId"]: (m, path) for path, ms in document["paths"].items() for m, each in ms.items()
    }
    assert OPERATIONS.items() <= found.items()


def test_every_operation_says_what_it_is_for(operations: dict[str, Schema]) -> None:
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name


def test_every_error_is_a_problem_with_an_example(operations: dict[str, Schema]) -> None:
    for name, operation in operations.items():
        assert {"422", "503"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            assert set(response["content"]) == {"application/problem+json"}, (name, status)
            content = response["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for example in content["examples"].values():
                assert example["value"]["status"] == int(status)
                assert {"type", "title", "detail", "instance", "errors"} < set(example["value"])


def test_nothing_is_left_of_what_fastapi_says_of_errors(document: Schema) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_reference_leads_somewhere(document: Schema) -> None:
    references = {each["$ref"] for each in everything(document) if isinstance(each, dict) and "$ref" in each}
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references <= known


def test_the_spec_is_described_down_to_its_variants(document: Schema) -> None:
    loss = document["components"]["schemas"]["ExperimentSpec"]["properties"]["loss"]
    assert "focal" in json.dumps(loss)
    focal = document["components"]["schemas"]["Focal"]
    assert focal["properties"]["gamma"]["default"] == 2.0
    assert focal["additionalProperties"] is False


def test_the_examples_are_shown_and_right(operations: dict[str, Schema]) -> None:
    for name in ("submit_experiment", "validate_experiment"):
        shown = operations[name]["requestBody"]["content"]["application/json"]["examples"]
        assert shown == SPECS
    for example in SPECS.values():
        ExperimentSpec.model_validate(example["value"])


def test_closed_parameters_list_their_values(operations: dict[str, Schema]) -> None:
    parameters = {each["name"]: each["schema"] for each in operations["list_experiments"]["parameters"]}
    values = {name: next(iter(everything(schema)), None) for name, schema in parameters.items()}
    for name, member in (
        ("status", "failed"),
        ("loss", "focal"),
        ("optimizer", "adam"),
        ("balancing", "smote"),
    ):
        assert member in json.dumps(values[name]), name


def test_the_document_is_served_and_openapi_31(client: TestClient, document: Schema) -> None:
    served = client.get("/openapi.json").json()
    assert served == document
    assert served["openapi"].startswith("3.1")
