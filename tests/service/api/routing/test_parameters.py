"""Parameters that are not understood: the answer says so in words that need no knowledge of Python."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.quick_selection import Some
from tests.workers.validation.test_messages import PYTHON, unquoted

WRONG = ["", "x", "-1", "1.5", "1e400", "9" * 50, "null", "None", "[]", "\x00", "a" * 300]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def places(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Each parameter of a query, with the first path that has it: others that declare it alike answer alike."""
    seen = set()
    for path, item in app.openapi()["paths"].items():
        for parameter in item.get("get", {}).get("parameters", ()):
            declared = json.dumps([parameter["name"], parameter["schema"]])
            if parameter["in"] == "query" and declared not in seen:
                seen.add(declared)
                yield re.sub(r"{[^}]*}", "1", path), parameter["name"]


def test_no_wrong_parameter_is_answered_in_words_of_python(
    app: FastAPI, client: TestClient, some: Some
) -> None:
    said: set[tuple[str, str]] = set()
    for path, name in places(app):
        others = {"ids": "1,2"} if path in ("/epochs", "/comparisons") else {}
        for value in some(WRONG, 4, of=f"{path} {name}"):
            answer = client.get(path, params=others | {name: value})
            if answer.status_code == 422:
                said |= {(error["path"], unquoted(error["message"])) for error in answer.json()["errors"]}
    assert len(said) > 20
    assert {each for each in said if PYTHON.search(each[1])} == set()


@pytest.mark.parametrize(
    ("path", "parameter", "right"),
    [
        ("/experiments?status=done", "status", "succeeded"),
        ("/experiments?loss=mse", "loss", "l2"),
        ("/experiments?optimiser=adam", "optimiser", "optimizer"),
        ("/experiments/1/metrics?split=val", "split", "validation"),
        ("/experiments/1/metrics?splitt=train", "splitt", "split"),
        ("/comparisons?ids=1,2&metric=f1", "metric", "macro_f1"),
    ],
)
def test_another_word_leads_to_the_right_one(
    client: TestClient, path: str, parameter: str, right: str
) -> None:
    [error] = client.get(path).json()["errors"]
    assert error["path"] == parameter
    assert f"did you mean {right!r}?" in error["message"]


def test_a_header_is_no_exception(client: TestClient) -> None:
    headers: dict[Any, Any] = {"Idempotency-Key": "x" * 300}
    [error] = client.post("/experiments", json={}, headers=headers).json()["errors"]
    assert error["path"] == "idempotency-key"
    assert error["message"] == "should be up to 255 characters of printable ASCII"


def test_an_unknown_order_lists_the_keys_once(client: TestClient) -> None:
    [error] = client.get("/experiments?sort=acuracy").json()["errors"]
    assert error["message"].startswith("should be one of id, name, created_at, finished_at, accuracy,")
    assert error["message"].endswith("with a - before it, the largest come first; did you mean 'accuracy'?")
    [error] = client.get("/comparisons?ids=1").json()["errors"]
    assert error["message"] == (
        "should be the numbers of 2 to 20 experiments, separated by commas, such as 1,2"
    )
    [error] = client.post("/experiments", json={"loss": {"name": "focal", "gamma": -1}}).json()["errors"]
    assert error["message"] == "should be greater than or equal to 0"
    [error] = client.post("/experiments", json={"split": "cv"}).json()["errors"]
    assert error["message"] == "should be 'cross_validation'"
