"""What `--quick` leaves out: cases that repeat on one database what another case shows on it, and tests that say so.

A test with a database has each of its cases on one of the databases, chosen by a hash. A test that is marked
`sampled(n)` has n of its cases, chosen by a hash too: its cases show the same of many values. A test that walks
through such values itself chooses with the fixture `some`.
"""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar
from zlib import crc32

import pytest

DATABASE = "database_url"
Value = TypeVar("Value")
EVERY_CASE = ("tests/service/store/", "tests/service/schemas/", "tests/service/api/test_large_numbers.py")
"""Where a value may be stored well in one database and not in the other."""
COVERED = "tests/service/store/queue/"
"""Nevertheless on one database: `make coverage` runs each of these on both."""
QUICK_EXAMPLES = 10
"""Of each property that Hypothesis tests, unless the test says otherwise; without `--quick`, a hundred."""


def divide(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that `--quick` runs, and those that it leaves out."""
    items = list(items)
    chosen = [item for item in items if not item.get_closest_marker("thorough")]
    chosen = sampled(on_one_database(chosen))
    is_chosen = set(chosen)
    return chosen, [item for item in items if item not in is_chosen]


def on_one_database(items: list[pytest.Item]) -> list[pytest.Item]:
    """Each case with a database on one of those that it could run on."""
    databases: dict[str, set[str]] = {}
    for item in items:
        if case := case_of(item):
            databases.setdefault(case[0], set()).add(case[1])
    # By a hash, not by the place: a case that fails is selected again when it runs without the others.
    turns = {case: sorted(found)[crc32(case.encode()) % len(found)] for case, found in databases.items()}
    return [item for item in items if not (case := case_of(item)) or turns[case[0]] == case[1]]


def sampled(items: list[pytest.Item]) -> list[pytest.Item]:
    """Of a test that is marked `sampled(n)`, n cases."""
    cases: dict[str, list[pytest.Item]] = {}
    counts: dict[str, int] = {}
    for item in items:
        if marker := item.get_closest_marker("sampled"):
            counts[function_of(item)] = marker.args[0]
            cases.setdefault(function_of(item), []).append(item)
    left_out: set[pytest.Item] = set()
    for function, found in cases.items():
        left_out |= set(sorted(found, key=lambda item: crc32(item.nodeid.encode()))[counts[function] :])
    return [item for item in items if item not in left_out]


class Some(Protocol):
    """Chooses among values that show the same."""

    def __call__(self, values: Iterable[Value], count: int, *, of: str) -> list[Value]: ...


def all_of(values: Iterable[Value], count: int, *, of: str) -> list[Value]:
    return list(values)


def some_of(values: Iterable[Value], count: int, *, of: str) -> list[Value]:
    """So many of the values, chosen by a hash of each and of what they are values of."""
    return sorted(values, key=lambda value: crc32(f"{of} {value}".encode()))[:count]


def function_of(item: pytest.Item) -> str:
    """The node id of a test without its parameters."""
    return item.nodeid.partition("[")[0]


def case_of(item: pytest.Item) -> tuple[str, str] | None:
    """A test and its other parameters, and the database; None if it needs none, or must run on each."""
    parameters: Any = getattr(item, "callspec", None)
    if parameters is None or DATABASE not in parameters.params:
        return None
    if item.nodeid.startswith(EVERY_CASE) and not item.nodeid.startswith(COVERED):
        return None
    database = parameters.params[DATABASE]
    return function_of(item) + parameters.id.replace(database, "", 1), database
