"""The OpenAPI document: complete, consistent, and free of what FastAPI would say by itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.api.openapi.request_examples import SPECS
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


def test_every_tag_is_described_and_used(document: Schema, operations: dict[str, Schema]) -> None:
    described = [tag["name"] for tag in document["tags"] if tag["description"]]
    used = [tag for operation in operations.values() for tag in operation["tags"]]
    assert set(described) == set(used)
    assert len(used) == len(operations)
    assert len(set(described)) == len(described)


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


def test_every_link_leads_to_an_operation_with_that_parameter(operations: dict[str, Schema]) -> None:
    links = [
        link
        for operation in operations.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert links
    for link in links:
        known = {each["name"] for each in operations[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= known, link


def test_what_is_submitted_leads_to_all_that_can_be_done_with_it(operations: dict[str, Schema]) -> None:
    links = operations["submit_experiment"]["responses"]["202"]["links"]
    of_one = {
        name
        for name, operation in operations.items()
        if any(each["name"] == "experiment_id" for each in operation.get("parameters", ()))
    }
    assert set(links) >= of_one


def test_bounds_are_exact(document: Schema) -> None:
    seeds = document["components"]["schemas"]["ExperimentSpec"]["properties"]["seeds"]
    assert seeds["items"]["exclusiveMaximum"] == 2**63
    assert isinstance(seeds["items"]["exclusiveMaximum"], int)


SPECIFIED = [
    ({"model": {}}, True),
    ({"split": {}}, True),
    ({"dataset": {}}, True),
    ({"loss": "focal"}, True),
    ({"replicates": 3}, True),
    ({"loss": {"gamma": 2.0}}, False),
    ({"class_weights": "given"}, False),
    ({"replicates": None}, True),
    ({"replicates": None, "seeds": [1]}, True),
    ({"model": {"name": "mlp"}}, True),
    ({"model": {"name": "mlq"}}, False),
    ({"replicates": 3, "seeds": [0]}, False),
    ({"seeds": [1, 1]}, False),
]


@pytest.mark.parametrize(("spec", "right"), SPECIFIED)
def test_the_schema_takes_what_the_service_takes(
    document: Schema, client: TestClient, spec: Schema, right: bool
) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="pip install 'holdout[test]'")
    schema = {"$ref": "#/components/schemas/ExperimentSpec", "components": document["components"]}
    assert jsonschema_rs.is_valid(schema, spec) is right
    assert (client.post("/experiments/validate", json=spec).status_code == 200) is right


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


def test_swagger_ui_fills_in_what_a_get_requires_and_nothing_that_a_click_would_change(
    document: Schema,
) -> None:
    for path in document["paths"].values():
        for method, operation in path.items():
            filled = [each for each in operation.get("parameters", []) if "example" in each]
            assert all(each["required"] for each in filled)
            assert not filled or method == "get"
    [experiment, *_] = document["paths"]["/experiments/{experiment_id}"]["get"]["parameters"]
    assert experiment["example"] == 1


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
    assert client.get("/openapi.json").json() == served
    assert served["openapi"].startswith("3.1")
