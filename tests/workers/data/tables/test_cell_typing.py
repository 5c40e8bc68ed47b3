"""How one column of text is typed here, beside what four readers make of it: they do not agree.

The columns of the readers are as seen in pandas 3.1.1, PyArrow 26.0.1, Polars 2.1.0 and DuckDB 2.0.1, each with its
defaults; findings/csv-number-of-classes.sh measures them again. Those two that are installed here are asked here.
"""

import io
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.data.formats import CSV
from workers.data.tables.cells import CellRules, boolean_levels, day_number, level_code
from workers.data.tables.column_builders import NumberBuilder

SEEN = {
    # cells:                ours                  pandas        pyarrow      polars       duckdb
    "+1 -1 1 -1": ("number 2", "int64 2", "double 2", "String 3", "VARCHAR 3"),
    "01 1 01 1": ("number 1", "int64 1", "int64 1", "Int64 1", "VARCHAR 2"),
    "1. 1 1.0 1": ("number 1", "float64 1", "double 1", "Float64 1", "DOUBLE 1"),
    "true 1 false 0": ("asks", "str 4", "bool 2", "String 4", "VARCHAR 4"),
    "Yes No yes no": ("boolean 2", "str 4", "string 4", "String 4", "BOOLEAN 2"),
    "T F t f": ("boolean 2", "str 4", "string 4", "String 4", "BOOLEAN 2"),
    "0x10 16 0x11 17": ("asks", "str 4", "int64 2", "String 4", "BIGINT 2"),
    "inf Infinity INF 1": ("category 4", "float64 2", "double 2", "String 4", "VARCHAR 4"),
    "NA a null b": ("category 2", "str 2", "string 4", "String 4", "VARCHAR 4"),
}
MEASURED_HERE = {"pandas": (1, "3.1.1"), "pyarrow": (2, "26.0.1")}


def table(cells: str) -> bytes:
    rows = "".join(f"{cell},{'ab'[row % 2]}\n" for row, cell in enumerate(cells.split()))
    return f"feature,kind\n{rows}".encode()


@pytest.mark.parametrize("cells", SEEN)
def test_a_column_is_typed_by_our_rules(cells: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(table(cells))
    contents, schema = CSV().reading(tmp_path)
    assert schema is not None
    found = "asks"
    if contents is not None:
        values = contents.dataset.features[:, 0]
        found = f"{schema.columns[0].kind} {len(np.unique(values[~np.isnan(values)]))}"
    assert found == SEEN[cells][0]


@pytest.mark.parametrize("reader", MEASURED_HERE)
@pytest.mark.parametrize("cells", SEEN)
def test_the_readers_that_are_installed_still_type_it_as_seen(reader: str, cells: str) -> None:
    column, seen = MEASURED_HERE[reader]
    pytest.importorskip(reader)
    if version(reader) != seen:
        pytest.skip(f"seen in {reader} {seen}; this is {version(reader)}")
    if reader == "pyarrow":
        found = pyarrow.csv.read_csv(io.BytesIO(table(cells)))["feature"]
        kind, values = found.type, found.to_pylist()
    else:
        pandas = import_module(reader)
        series = pandas.read_csv(io.BytesIO(table(cells)))["feature"]
        kind, values = series.dtype, series.dropna().tolist()
    assert f"{kind} {len(set(values))}" == SEEN[cells][column]


NUMBERLIKE = st.text(st.sampled_from("0123456789+-.,eE _xinfNaAn?١"), max_size=8)


@given(st.lists(NUMBERLIKE, min_size=1, max_size=8), st.sampled_from([".", ","]))
def test_columns_of_numbers_follow_the_rules_for_single_cells(cells: list[str], decimal: str) -> None:
    rules = CellRules(decimal=decimal)
    builder = NumberBuilder(rules)
    values = builder.append(pa.array(cells))
    expected = [None if rules.is_missing(text) else rules.number(text) for text in cells]
    large = [number is not None and abs(number) > 3.5e38 for number in expected]
    wanted = [
        np.nan if number is None or huge else number for number, huge in zip(expected, large, strict=True)
    ]
    np.testing.assert_array_equal(values, wanted)
    assert builder.missing == sum(map(rules.is_missing, cells))
    assert builder.offending == sum(np.isnan(wanted)) - builder.missing


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-02", 1),
        (" 1969-12-31 ", -1),
        ("2024-02-29", 19782),
        ("2023-02-29", None),
        ("31.12.1969", -1),
        ("1970/1/2", 1),
        ("1970-01-01T06:00", 0.25),
        ("1970-01-01 06:00:00Z", 0.25),
        ("1970-01-01T06:00:00+06:00", 0),
        ("1970-01-01T06:00:00-0600", 0.5),
        ("1970-01-01 24:00", None),
        ("1970-01/02", None),
        ("05/06/2026", None),
        ("1970", None),
    ],
)
def test_dates_are_days_since_1970(text: str, days: float | None) -> None:
    assert day_number(text) == days


def test_booleans_are_pairs_in_any_case() -> None:
    assert boolean_levels({"Yes", "No"}) == ("No", "Yes")
    assert boolean_levels({"Yes", "yes", "NO"}) == ("no", "yes")
    assert boolean_levels({"true"}) == ("false", "true")
    assert boolean_levels({"yes", "false"}) is None
    assert boolean_levels(set()) is None


def test_a_cell_finds_its_level_even_in_another_case() -> None:
    assert level_code(" Red ", ("blue", "red")) == 1
    assert level_code("RED", ("Red", "red")) is None
    assert level_code("green", ("blue", "red")) is None
