"""What `--quick` leaves out: cases that repeat on one database what another case shows on it, and tests that say so.

A test with a database has each of its cases on one of the databases, chosen by a hash.
"""

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest

DATABASE = "database_url"
EVERY_CASE = ("tests/service/store/", "tests/service/schemas/", "tests/service/api/test_large_numbers.py")
"""Where a value may be stored well in one database and not in the other."""
QUICK_EXAMPLES = 40
"""Of each property that Hypothesis tests, unless the test says otherwise; without `--quick`, a hundred."""


def divide(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that `--quick` runs, and those that it leaves out."""
    items = list(items)
    thorough = {item for item in items if item.get_closest_marker("thorough")}
    databases: dict[str, set[str]] = {}
    for item in items:
        if item not in thorough and (case := case_of(item)):
            databases.setdefault(case[0], set()).add(case[1])
    # By a hash, not by the place: a case that fails is selected again when it runs without the others.
    turns = {case: sorted(found)[crc32(case.encode()) % len(found)] for case, found in databases.items()}
    divided: dict[bool, list[pytest.Item]] = {False: [], True: []}
    for item in items:
        case = case_of(item)
        is_other = case is not None and turns.get(case[0], case[1]) != case[1]
        divided[is_other or item in thorough].append(item)
    return divided[False], divided[True]


def case_of(item: pytest.Item) -> tuple[str, str] | None:
    """A test and its other parameters, and the database; None if it needs none, or must run on each."""
    parameters: Any = getattr(item, "callspec", None)
    if parameters is None or DATABASE not in parameters.params or item.nodeid.startswith(EVERY_CASE):
        return None
    database = parameters.params[DATABASE]
    return item.nodeid.partition("[")[0] + parameters.id.replace(database, "", 1), database
