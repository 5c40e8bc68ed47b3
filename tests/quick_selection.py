"""What `--quick` leaves out: cases that repeat on one database what another case shows on it, and tests that say so.

A test with a database and other parameters has each of its cases on one of the databases, in turn; without other
parameters, it runs on all.
"""

from collections.abc import Iterable
from typing import Any

import pytest

DATABASE = "database_url"
EVERY_CASE = ("tests/service/store/", "tests/service/schemas/", "tests/service/api/test_large_numbers.py")
"""Where a value may be stored well in one database and not in the other."""
QUICK_EXAMPLES = 40
"""Of each property that Hypothesis tests, unless the test says otherwise; without `--quick`, a hundred."""


def is_left_out(item: pytest.Item, places: dict[str, dict[str, int]]) -> bool:
    """Whether `--quick` leaves a test out. `places` keeps the order of the cases of each test function."""
    if item.get_closest_marker("thorough"):
        return True
    parameters: Any = getattr(item, "callspec", None)
    if parameters is None or DATABASE not in parameters.params or item.nodeid.startswith(EVERY_CASE):
        return False
    database = parameters.params[DATABASE]
    case = parameters.id.replace(database, "", 1)
    cases = places.setdefault(item.nodeid.partition("[")[0], {})
    place = cases.setdefault(case, len(cases))
    return bool(case) and place % 2 != (database == "postgresql")


def divide(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that `--quick` runs, and those that it leaves out."""
    places: dict[str, dict[str, int]] = {}
    divided: dict[bool, list[pytest.Item]] = {False: [], True: []}
    for item in items:
        divided[is_left_out(item, places)].append(item)
    return divided[False], divided[True]
