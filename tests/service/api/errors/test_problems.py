"""The pages that the types of problems lead to."""

import re

import pytest
from fastapi.testclient import TestClient

from service.api.errors.problems import PROBLEM_TYPES

INTERNAL = re.compile(r"faults|\b(its|the) text\b|exception|Raises|\bself\b|tuple|\bNone\b")
"""Words of the code, which no answer has."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def test_each_kind_has_a_page_in_the_words_of_the_answers(client: TestClient) -> None:
    listed = client.get("/problems").json()["items"]
    assert [each["type"] for each in listed] == [kind.uri for kind in PROBLEM_TYPES.values()]
    for each in listed:
        assert client.get(each["type"]).json() == each
        assert each["meaning"].endswith(".")
        assert not INTERNAL.search(each["meaning"] + each["title"]), each


def test_fields_that_a_page_names_are_fields_of_a_problem(client: TestClient) -> None:
    problem = client.get("/experiments/7").json()
    for each in client.get("/problems").json()["items"]:
        assert set(re.findall("`([a-z]+)`", each["meaning"])) <= problem.keys(), each
