"""Rows of a table as clients write them."""

from typing import Any

import numpy as np

from workers.data.columns import Column
from workers.table_rows import Cell, store_rows

COLUMNS = (
    Column("age"),
    Column("country", "category", ("PT", "ES", "7")),
    Column("member", "boolean", ("no", "yes")),
    Column("since", "date"),
)
ROW: dict[str, Cell] = {"age": 37, "country": "PT", "member": True, "since": "1970-01-03"}


def test_names_may_come_in_any_order_and_lists_in_that_of_the_columns() -> None:
    found = store_rows([ROW, dict(reversed(list(ROW.items()))), [37, "PT", "yes", 2.0]], COLUMNS)
    np.testing.assert_array_equal(found.values, [[37, 0, 1, 2]] * 3)
    assert (found.errors, found.ignored, found.unknown) == ([], [], {})


def test_further_names_are_ignored_and_named_and_levels_counted() -> None:
    rows: list[Any] = [
        ROW | {"id": 5, "country": "FR"},
        ROW | {"note": "x", "country": "DE"},
        ROW | {"country": 7},
    ]
    found = store_rows(rows, COLUMNS)
    assert (found.ignored, found.unknown, found.errors) == (["id", "note"], {"country": 2}, [])
    assert found.values[:, 1].tolist() == [-1, -1, 2]


def test_a_null_or_a_marker_is_a_missing_value() -> None:
    found = store_rows([dict.fromkeys(ROW), dict.fromkeys(ROW, "?")], COLUMNS)
    assert np.isnan(found.values).all()
    assert found.errors == []


def test_every_cell_that_cannot_be_read_and_every_name_that_lacks_is_an_error() -> None:
    rows: list[Any] = [{"age": "old", "country": "PT", "member": "perhaps", "since": "soon"}, {"age": 1}, [1]]
    errors = {error.path: error.message for error in store_rows(rows, COLUMNS).errors}
    assert errors == {
        "rows[0].age": "should be a number, or null for a missing value",
        "rows[0].member": "should be 'no' or 'yes', or null for a missing value",
        "rows[0].since": "should be a date such as 2024-05-31, or null for a missing value",
        "rows[1]": "lacks 'country', 'member', 'since'; null stands for a missing value",
        "rows[2]": "has 1 values; the data set has 4 features",
    }
