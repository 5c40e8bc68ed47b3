"""Every kind of breaking change is named with its place; additions are not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools import make_openapi
from tools.openapi_diff import breaking

Document = dict[str, Any]
Change = Callable[[Document], Any]


def document() -> Document:
    spec = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "string", "maxLength": 9},
            "epochs": {"type": "integer", "minimum": 1, "maximum": 100},
            "rate": {"type": "number"},
            "loss": {
                "anyOf": [
                    {"type": "string", "enum": ["l2", "focal"]},
                    {"$ref": "#/components/schemas/L2"},
                    {"$ref": "#/components/schemas/Focal"},
                ]
            },
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "then": {"$ref": "#/components/schemas/Spec"},
        },
    }
    accepted = {
        "type": "object",
        "required": ["id", "state"],
        "properties": {
            "id": {"type": "integer"},
            "state": {"type": "string", "enum": ["queued", "over"]},
            "figures": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    }
    variants = {
        name.title(): {"type": "object", "properties": {"name": {"const": name}, "gamma": {"type": "number"}}}
        for name in ("l2", "focal")
    }
    parameters = [{"in": "query", "name": "sort", "schema": {"type": "string", "enum": ["id", "-id"]}}]
    post = {
        "operationId": "submit",
        "parameters": parameters,
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Spec"}}}},
        "responses": {
            "202": {
                "headers": {"Location": {}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}},
            },
            "404": {"description": "gone"},
        },
    }
    return {
        "paths": {"/runs": {"post": post, "get": {"operationId": "list", "responses": {}}}, "/old": {}},
        "components": {"schemas": {"Spec": spec, "Accepted": accepted, **variants}},
    }


def post(changed: Document) -> Any:
    return changed["paths"]["/runs"]["post"]


def spec(changed: Document) -> Any:
    return changed["components"]["schemas"]["Spec"]


def field(changed: Document, name: str) -> Any:
    return spec(changed)["properties"][name]


def accepted(changed: Document) -> Any:
    return changed["components"]["schemas"]["Accepted"]


BODY, RESPONSE = "POST /runs body application/json", "POST /runs 202 application/json"
BREAKING: dict[str, Change] = {
    "/old: removed": lambda d: d["paths"].pop("/old"),
    "GET /runs: removed": lambda d: d["paths"]["/runs"].pop("get"),
    "POST /runs: operationId submit is now send": lambda d: post(d).update(operationId="send"),
    "POST /runs query sort: removed": lambda d: post(d)["parameters"].clear(),
    "POST /runs query sort: is required now": lambda d: post(d)["parameters"][0].update(required=True),
    "POST /runs query sort: '-id' removed": lambda d: post(d)["parameters"][0]["schema"]["enum"].pop(),
    "POST /runs header Key: new, and required": lambda d: post(d)["parameters"].append(
        {"in": "header", "name": "Key", "required": True, "schema": {}}
    ),
    "POST /runs body: removed": lambda d: post(d).pop("requestBody"),
    "POST /runs body: is required now": lambda d: post(d)["requestBody"].update(required=True),
    f"{BODY}: removed": lambda d: post(d)["requestBody"].update(content={}),
    f"{BODY}: no longer takes other properties": lambda d: spec(d).update(additionalProperties=False),
    f"{BODY}.rate: removed": lambda d: spec(d)["properties"].pop("rate"),
    f"{BODY}.rate: is required now": lambda d: spec(d)["required"].append("rate"),
    f"{BODY}.rate: no longer takes number": lambda d: field(d, "rate").update(type="integer"),
    f"{BODY}.epochs: minimum is 2 now, was 1": lambda d: field(d, "epochs").update(minimum=2),
    f"{BODY}.epochs: maximum is 9 now, was 100": lambda d: field(d, "epochs").update(maximum=9),
    f"{BODY}.data: pattern is ^a now, was none": lambda d: field(d, "data").update(pattern="^a"),
    f"{BODY}.data: only 'iris' now": lambda d: field(d, "data").update(const="iris"),
    f"{BODY}.loss (string): 'focal' removed": lambda d: field(d, "loss")["anyOf"][0]["enum"].pop(),
    f"{BODY}.loss: no longer takes focal": lambda d: field(d, "loss")["anyOf"].pop(),
    f"{BODY}.loss (focal).gamma: removed": lambda d: d["components"]["schemas"]["Focal"]["properties"].pop(
        "gamma"
    ),
    f"{BODY}.tags[]: no longer takes string": lambda d: field(d, "tags")["items"].update(type="integer"),
    "POST /runs 404: removed": lambda d: post(d)["responses"].pop("404"),
    "POST /runs 202 header Location: removed": lambda d: post(d)["responses"]["202"]["headers"].clear(),
    f"{RESPONSE}: removed": lambda d: post(d)["responses"]["202"]["content"].clear(),
    f"{RESPONSE}.figures: removed": lambda d: accepted(d)["properties"].pop("figures"),
    f"{RESPONSE}.figures.*: may now be string": lambda d: accepted(d)["properties"]["figures"].update(
        additionalProperties={"type": "string"}
    ),
    f"{RESPONSE}.id: may be absent now": lambda d: accepted(d)["required"].remove("id"),
    f"{RESPONSE}.id: may now be null": lambda d: accepted(d)["properties"].update(
        id={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    f"{RESPONSE}.state: 'over' removed": lambda d: accepted(d)["properties"]["state"]["enum"].pop(),
}
HARMLESS: dict[str, Change] = {
    "a path": lambda d: d["paths"].update({"/new": {}}),
    "an operation": lambda d: d["paths"]["/old"].update(get={"operationId": "x", "responses": {}}),
    "a parameter": lambda d: post(d)["parameters"].append({"in": "query", "name": "tag", "schema": {}}),
    "a value of a parameter": lambda d: post(d)["parameters"][0]["schema"]["enum"].append("name"),
    "a property of a request": lambda d: spec(d)["properties"].update(seed={"type": "integer"}),
    "a property less to give": lambda d: spec(d)["required"].clear(),
    "a wider type": lambda d: field(d, "epochs").update(type="number"),
    "wider bounds": lambda d: field(d, "epochs").update(minimum=0, maximum=1000),
    "a variant": lambda d: field(d, "loss")["anyOf"].append(
        {"type": "object", "properties": {"name": {"const": "l1"}}}
    ),
    "a status": lambda d: post(d)["responses"].update({"429": {}}),
    "a property of a response": lambda d: accepted(d)["properties"].update(name={"type": "string"}),
    "a promise of a response": lambda d: accepted(d)["required"].append("figures"),
    "a narrower response": lambda d: accepted(d)["properties"]["id"].update(minimum=1),
    "words": lambda d: post(d).update(summary="Submit", description="..."),
}


def changed(change: Change) -> list[str]:
    new = copy.deepcopy(document())
    change(new)
    return breaking(document(), new)


@pytest.mark.parametrize("line", BREAKING)
def test_a_breaking_change_is_named(line: str) -> None:
    found = changed(BREAKING[line])
    assert line in found
    assert [other for other in found if not other.startswith(line.partition(":")[0].split(" (")[0])] == []


@pytest.mark.parametrize("what", HARMLESS)
def test_an_addition_breaks_nothing(what: str) -> None:
    assert changed(HARMLESS[what]) == []


@pytest.mark.thorough
def test_a_document_does_not_break_itself() -> None:
    served = make_openapi.committed()
    assert breaking(served, copy.deepcopy(served)) == []


def test_the_real_document_is_followed_down_to_the_variants() -> None:
    served = make_openapi.committed()
    new = copy.deepcopy(served)
    del new["components"]["schemas"]["Focal"]["properties"]["gamma"]
    found = breaking(served, new)
    assert "POST /experiments body application/json.loss (focal).gamma: removed" in found
