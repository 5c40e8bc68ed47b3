"""Inspection of uploads, questions about tables, and the columns that a data set shows."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.upload_files import FLOWERS, idx, made, npz

BIRDS = b"class,length,sex\n" + b"adelie,1.5,m\ngentoo,,f\n?,2,m\nadelie,3,\n" * 10


def send(client: TestClient, path: str, content: bytes = BIRDS, **fields: str) -> Response:
    form = {"name": "birds", "format": "csv", **fields}
    return client.post(path, data=form, files={"file": content})


def test_all_questions_are_asked_at_once_and_nothing_is_stored(client: TestClient) -> None:
    response = send(client, "/datasets/inspect")
    assert response.status_code == 200, response.text
    found = response.json()
    assert (found["is_ready"], found["rows"], found["features"]) == (False, 30, None)
    questions = [each for each in found["table"]["warnings"] if each["blocking"]]
    assert [(each["code"], each["column"]) for each in questions] == [
        ("label", "class"),
        ("missing_labels", "class"),
    ]
    assert [(each["name"], each["kind"], each["missing"]) for each in found["table"]["columns"]] == [
        ("class", "label", 0.25),
        ("length", "number", 0.25),
        ("sex", "category", 0.25),
    ]
    assert client.get("/datasets/birds").status_code == 404


def test_an_upload_asks_the_same_under_the_fields_that_answer(client: TestClient) -> None:
    response = send(client, "/datasets")
    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "/problems/open-questions"
    assert [error["path"] for error in problem["errors"]] == ["label", "accept"]
    taken = send(client, "/datasets", label="class", accept="missing_labels")
    assert taken.status_code == 201, taken.text
    facts = client.get("/datasets/birds").json()
    assert facts == taken.json()
    assert (facts["rows"], [each["name"] for each in facts["classes"]]) == (30, ["adelie", "gentoo"])
    warnings = {each["code"]: each["blocking"] for each in facts["table"]["warnings"]}
    assert warnings["missing_labels"] is False
    assert facts["table"]["columns"][2]["top"] == [{"value": "m", "rows": 20}, {"value": "f", "rows": 10}]


MIXED = b"a,b,sex,class\n" + b"1,x,m,y\n2,3,f,n\nz,4,m,\n5,6,f,n\n" * 10


def test_each_question_is_answered_by_one_of_its_choices(client: TestClient) -> None:
    """As a page sends them: a field comes as often as there are questions about it, and some fields are empty."""
    refused = send(client, "/datasets", MIXED).json()
    assert refused["questions"] == [
        each
        for each in send(client, "/datasets/inspect", MIXED).json()["table"]["warnings"]
        if each["blocking"]
    ]
    answers = [(each["column"], each["sentence"], each["choices"]) for each in refused["questions"]]
    assert [(column, [choice["field"] for choice in choices]) for column, _, choices in answers] == [
        ("class", ["accept"]),
        ("a", ["accept", "kinds"]),
        ("b", ["accept", "kinds"]),
    ]
    assert not any("=" in sentence for _, sentence, _ in answers)
    chosen = [choices[-1] for _, _, choices in answers]
    sent = [("name", "mixed"), ("format", "csv"), ("label", ""), ("label", "class"), ("accept", "none")]
    sent += [(each["field"], each["value"]) for each in chosen]
    parts: list[Any] = [(name, (None, value.encode())) for name, value in sent] + [("file", ("x", MIXED))]
    taken = client.post("/datasets", files=parts)
    assert taken.status_code == 201, taken.text
    assert [each["kind"] for each in taken.json()["table"]["columns"]] == [
        "category",
        "category",
        "category",
        "label",
    ]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("label", "a", "b"), "more than once"),
        (("kinds", '{"a": "number"}', "{"), "one of the values is not valid"),
    ],
)
def test_values_of_a_field_that_do_not_go_together_are_refused(
    client: TestClient, values: tuple[str, str, str], says: str
) -> None:
    name, first, second = values
    parts: list[Any] = [(name, (None, each.encode())) for each in (first, second)]
    parts += [("name", (None, b"birds")), ("format", (None, b"csv")), ("file", ("x", BIRDS))]
    response = client.post("/datasets", files=parts)
    assert (response.status_code, response.json()["errors"][0]["path"]) == (422, name)
    assert says in response.json()["detail"]


def test_an_inspection_of_a_clean_table_is_what_its_upload_becomes(client: TestClient) -> None:
    found = send(client, "/datasets/inspect", FLOWERS).json()
    taken = send(client, "/datasets", FLOWERS).json()
    assert found["is_ready"]
    assert found["table"] == taken["table"]
    assert (found["rows"], found["features"]) == (taken["rows"], taken["features"])
    assert found["classes"] == [each["name"] for each in taken["classes"]]


def test_arrays_have_no_table(client: TestClient) -> None:
    content = npz(x=[[1.0], [2.0]], y=[0, 1])
    form = {"name": "arrays", "format": "npz"}
    found = client.post("/datasets/inspect", data=form, files={"file": content}).json()
    assert (found["is_ready"], found["table"], found["features"]) == (True, None, 1)


@pytest.mark.parametrize("fields", [{}, {"format": ""}])
def test_a_file_that_names_no_format_is_recognised(client: TestClient, fields: dict[str, str]) -> None:
    lines = b"\n".join(b'{"x": %d, "y": "%s"}' % (n, b"kl"[n % 2 : n % 2 + 1]) for n in range(9))
    for content, expected in ((FLOWERS, "csv"), (lines, "jsonl"), (npz(x=[[1.0], [2.0]], y=[0, 1]), "npz")):
        found = client.post(
            "/datasets/inspect", data={"name": "any", **fields}, files={"file": content}
        ).json()
        assert (found["format"], found["is_ready"]) == (expected, True)
    [version] = client.post("/datasets", data={"name": "any", **fields}, files={"file": lines}).json()[
        "versions"
    ]
    assert version["format"] == "jsonl"
    refusal = client.post("/datasets", data={"name": "any"}, files={"file": b"\x80\x04K\x01."})
    assert (refusal.status_code, refusal.json()["type"]) == (422, "/problems/unusable-upload")
    assert "any: is a Python pickle; convert it: it is never loaded" in refusal.json()["detail"]
    images = {name: made(content) for name, content in idx().items()}
    found = client.post("/datasets/inspect", data={"name": "any", **fields}, files=images).json()
    assert found["format"] == "idx"


def test_an_unusable_field_is_refused(client: TestClient) -> None:
    fields: list[dict[str, Any]] = [
        {"kinds": "{"},
        {"kinds": '{"length": "real"}'},
        {"drop": "[1]"},
        {"header": "yes"},
        {"delimiter": "!"},
        {"task": "guess"},
    ]
    for given in fields:
        problem = send(client, "/datasets/inspect", **given).json()
        assert problem["type"] == "/problems/invalid-field"
        assert problem["errors"][0]["path"] in given
