"""The pages that the types of problems lead to, and the problem of a machine that has run out of something."""

import errno
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


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (OSError(errno.EMFILE, "Too many open files"), 503, "exhausted"),
        (OSError(errno.ENOSPC, "No space left on device"), 503, "exhausted"),
        (OSError(errno.EROFS, "Read-only file system"), 503, "exhausted"),
        (PermissionError(errno.EACCES, "Permission denied"), 503, "exhausted"),
        (RuntimeError("can't start new thread"), 503, "exhausted"),
        (ImportError("cannot open shared object file: Too many open files"), 503, "exhausted"),
        (MemoryError(), 503, "out-of-memory"),
        (OSError("broken"), 500, "unexpected"),
        (ImportError("no such module"), 500, "unexpected"),
    ],
    ids=repr,
)
def test_what_is_used_up_is_no_unexpected_error(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, kind: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(client.app.state.database, "read", fail)  # type: ignore[attr-defined]
    response = client.get("/experiments/1")
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{kind}")
    assert ("retry-after" in response.headers) == (status == 503)
