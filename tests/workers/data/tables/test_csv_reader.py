"""The fast way and the exact way of reading CSV agree, or the fast way hands over to the exact one."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.data.errors import MalformedFile
from workers.data.tables import csv_reader
from workers.data.tables.csv_reader import CsvReader
from workers.data.tables.options import TableOptions
from workers.data.tables.table_reader import ReadAgain

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
OPTIONS = TableOptions(header=True, delimiter=",", decimal=".")
CELLS = st.text(st.sampled_from('ab1,"; .\n\té'), max_size=6)


def rows_of(reader: CsvReader) -> list[list[str | None]]:
    """All rows, with null for an empty cell."""
    rows: list[list[str | None]] = []
    for batch in reader.batches():
        columns: list[list[Any]] = [array.to_pylist() for array in batch]
        rows += [list(row) for row in zip(*columns, strict=True)]
    return [[cell and cell.strip() for cell in row] for row in rows]


def read_in_two_ways(path: Path) -> tuple[Any, Any]:
    """What the fast way reads, None if it hands over; and what the exact way reads, or its error."""
    reader = CsvReader(path, "mine.csv", OPTIONS)
    fast = None
    if not reader._is_exact:
        try:
            fast = rows_of(reader)
        except ReadAgain:
            assert reader._is_exact
    reader._is_exact = True
    try:
        exact: Any = [[cell or None for cell in row] for row in rows_of(reader)]
    except MalformedFile as refused:
        exact = refused
    return fast and [[cell or None for cell in row] for row in fast], exact


@in_one_folder
@given(st.text(st.sampled_from('ab1,,"" ;\n\n\té'), max_size=40))
def test_any_text_is_read_alike_or_exactly(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_bytes(b"x,y\n" + text.encode())
    try:
        fast, exact = read_in_two_ways(tmp_path / "file")
    except MalformedFile:
        return
    assert fast is None or fast == exact or (not fast and not exact)


@in_one_folder
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.booleans())
def test_what_a_writer_writes_is_read_back_or_a_line_break_is_refused(
    tmp_path: Path, rows: list[tuple[str, str]], quoted: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([("x", "y"), *rows])
    (tmp_path / "file").write_bytes(out.getvalue().encode())
    try:
        fast, exact = read_in_two_ways(tmp_path / "file")
    except MalformedFile:
        fast, exact = None, MalformedFile("", "", "")
    if any("\n" in cell for row in rows for cell in row):
        assert isinstance(exact, MalformedFile)
        return
    wanted = [[cell.strip() or None for cell in row] for row in rows]
    assert exact == wanted
    assert fast is None or fast == wanted


def test_a_quote_within_a_field_is_found_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in range(1, 9):
        monkeypatch.setattr(csv_reader, "QUOTE_BLOCK_BYTES", size)
        for content, is_doubtful in (
            ('x,y\n"a",1\n"b""c",2\n', False),
            ('x,y\na"b,1\n', True),
            ('x,y\n"a"b,1\n', True),
        ):
            (tmp_path / "file").write_text(content)
            assert csv_reader._quotes(tmp_path / "file", ",") == (True, is_doubtful)
    (tmp_path / "file").write_text("x,y\n1,2\n")
    assert csv_reader._quotes(tmp_path / "file", ",") == (False, False)


def test_lines_that_can_be_split_in_two_ways_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a;b,c\n" + "1;2,x\n3;4,y\n" * 5)
    reader = CsvReader(tmp_path / "file", "mine.csv", TableOptions())
    assert [doubt.code for doubt in reader.doubts] == ["delimiter"]
    answered = CsvReader(tmp_path / "file", "mine.csv", TableOptions(delimiter=","))
    assert not answered.doubts
    assert [column.name for column in answered.columns] == ["a;b", "c"]


def test_a_file_with_old_line_ends_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x,y\n1,a\r2,b\r")
    assert rows_of(CsvReader(tmp_path / "file", "mine.csv", OPTIONS)) == [["1", "a"], ["2", "b"]]
