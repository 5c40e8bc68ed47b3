"""Tables that are no CSV: what their files may hold, and what is refused with its place."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from workers.data.columns import Column
from workers.data.errors import MalformedFile
from workers.data.formats import AnyFormat, Format
from workers.data.formats.format import Reading

FORMAT: TypeAdapter[Format] = TypeAdapter(AnyFormat)
HEAD = (
    "@relation r\n@attribute x integer\n@attribute c {red , 'light blue', green}\n@attribute y {a,b}\n@data\n"
)


def read(folder: Path, kind: str, content: bytes | str, **fields: str) -> Reading:
    named = folder / "mine"
    named.mkdir(exist_ok=True)
    for file in named.iterdir():
        file.unlink()
    (named / "file").write_bytes(content if isinstance(content, bytes) else content.encode())
    return FORMAT.validate_python({"name": kind, "accept": "all", **fields}).reading(named)


def table(folder: Path, kind: str, content: bytes | str, **fields: str) -> Any:
    contents = read(folder, kind, content, **fields).contents
    assert contents is not None
    return contents.dataset


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_the_types_of_columns_are_those_of_the_file(tmp_path: Path, kind: str) -> None:
    levels = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), ["b", "a"])
    columns = {
        "x": pa.array([1.5, None, 3]),
        "n": pa.array([1, None, 3], pa.int64()),
        "c": levels,
        "d": pa.array([date(2024, 1, 1), None, date(2024, 2, 1)], pa.date32()),
        "b": pa.array([True, False, None]),
        "t": pa.array(["u", "x", None], pa.large_string()),
        "y": pa.array(["p", "q", "p"]),
    }
    out = io.BytesIO()
    (pq.write_table if kind == "parquet" else pyarrow.feather.write_feather)(pa.table(columns), out)
    dataset = table(tmp_path, kind, out.getvalue())
    assert [column.kind for column in dataset.columns] == [
        "number",
        "number",
        "category",
        "date",
        "boolean",
        "category",
    ]
    assert dataset.columns[2].levels is not None
    assert [dataset.columns[2].levels[int(code)] for code in dataset.features[:2, 2]] == ["b", "a"]
    assert np.isnan(dataset.features).sum(axis=0).tolist() == [1, 1, 1, 1, 1, 1]
    assert dataset.features[0, 3] == 19723
    assert dataset.classes == ("p", "q")


def test_nested_columns_are_refused_by_name(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"x": [[1], [2]], "y": ["a", "b"]}), out)
    with pytest.raises(MalformedFile, match=r"mine.parquet, column 'x' has the type list<.*flatten it"):
        read(tmp_path, "parquet", out.getvalue())


def test_a_parquet_footer_that_lies_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2], "y": ["a", "b"]}), out)
    content = out.getvalue()
    for bad, says in (
        (content[:-8] + b"\xff\xff\xff\x7fPAR1", "declares a footer of 2,147,483,647 bytes"),
        (content[:-4] + b"PARE", "is encrypted"),
        (content[:-1], "is not a whole Parquet file"),
        (b"PAR1" + bytes(20) + b"PAR1", "is damaged, or not complete"),
    ):
        with pytest.raises(MalformedFile, match=says):
            read(tmp_path, "parquet", bad)
    with pytest.raises(MalformedFile, match="is a Feather file of version 1"):
        read(tmp_path, "feather", b"FEA1" + bytes(20))


def test_arff_is_read_without_the_faults_of_known_readers(tmp_path: Path) -> None:
    rows = "% a comment\n1.5, red ,a\n-2,'light blue',b\n?,?,a\n{0 4, 1 green, 2 b}\n{}\n"
    dataset = table(tmp_path, "arff", HEAD + rows)
    assert dataset.columns == (
        Column("x", "number"),
        Column("c", "category", ("red", "light blue", "green")),
    )
    assert dataset.features[:, 0].tolist()[:2] == [1.5, -2]
    assert np.isnan(dataset.features[2]).all()
    assert dataset.features[3:].tolist() == [[4, 2], [0, 0]]
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("1,red\n", "line 6 has 2 fields; the header declares 3"),
        ("1,'red,a\n", "line 6 has a quote that does not close"),
        ("1,blue,a\n", "line 6, column 'c' is 'blue'; the header declares its levels"),
        ("{2 a, 0 4}\n", "line 6 has the position 0 after 2"),
        ("{9 a}\n", "line 6 has the position 9"),
        ("{0 4\n", "line 6 opens a row that does not close"),
    ],
)
def test_a_row_of_arff_is_refused_with_its_line(tmp_path: Path, rows: str, says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, "arff", HEAD + rows)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("", "has no line @data"),
        ("@attribute x\n@data\n", "declares 'x' as ''"),
        ("@attribute x {a,b\n", "opens a list of levels that does not close"),
        ("@attribute x {a,a}\n", "declares the level 'a' twice"),
        ("@attribute x real\n@attribute x real\n", "names a column 'x' again"),
        ("@attribute x relational\n", "declares 'x' as relational"),
        ("1,2\n@data", "is '1,2', before @data"),
        ("@attribute x real\n@data\n1\n", "declares 1 columns"),
    ],
)
def test_a_header_of_arff_is_refused_with_its_line(tmp_path: Path, head: str, says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, "arff", head)


def test_the_output_of_keel_is_the_label_wherever_it_is(tmp_path: Path) -> None:
    content = (
        "@relation r\n@attribute Class {a, b}\n@attribute X real [-4.0, 8.0]\n@attribute N integer[0,9]\n"
        "@inputs X, N\n@outputs Class\n@data\na, -1.5, 3\nb, 2.5, <null>\na, 1, 4\n"
    )
    reading = read(tmp_path, "keel", content)
    assert reading.contents is not None
    assert reading.schema is not None
    assert reading.schema.label == "Class"
    assert not reading.schema.questions
    assert reading.contents.dataset.features[:, 0].tolist() == [-1.5, 2.5, 1]
    assert np.isnan(reading.contents.dataset.features[1, 1])
    with pytest.raises(MalformedFile, match="has no column 'Klass' for @outputs"):
        read(tmp_path, "keel", content.replace("@outputs Class", "@outputs Klass"))


@pytest.mark.parametrize("first", [0, 1])
def test_positions_of_svmlight_count_from_zero_or_one(tmp_path: Path, first: int) -> None:
    content = f"# made\n+1 {first}:1.5 {first + 2}:-2 # a\n-1 qid:3 {first + 1}:4\n\n1.0\n"
    dataset = table(tmp_path, "svmlight", content)
    assert dataset.features.tolist() == [[1.5, 0, -2], [0, 4, 0], [0, 0, 0]]
    assert dataset.classes == ("-1", "1")
    assert dataset.columns[0].name == f"feature_{first}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1 1:2 1:3\n", "line 1 has the position 1 more than once"),
        ("1 2:2 1:3\n", "line 1 has the position 1 after 2"),
        ("1 1:a\n", "line 1 has '1:a'"),
        ("1 1:nan\n", "line 1 has '1:nan'"),
        ("a 1:1\n", "line 1 begins with 'a'"),
        ("1 999999999:1\n", "has 999,999,999 features"),
        ("1\n", "has no features"),
    ],
)
def test_svmlight_is_refused_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, "svmlight", content)


def test_objects_may_lack_keys_and_have_them_in_any_order(tmp_path: Path) -> None:
    rows = [{"x": 1.5, "b": True, "y": "p"}, {"y": "q", "x": None}, {"b": False, "x": "2", "y": "p"}]
    dataset = table(tmp_path, "jsonl", "\n".join(map(json.dumps, rows)), label="y")
    assert [column.kind for column in dataset.columns] == ["number", "boolean"]
    assert np.isnan(dataset.features).tolist() == [[False, False], [True, True], [False, False]]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[1, 2]", "line 2 is not an object.*one in each line"),
        ('{"x": [1], "y": 0}', "line 2, column 'x' holds a list"),
        ('{"x": {"z": 1}, "y": 0}', "line 2, column 'x' holds an object"),
        ('{"x": 1, "x": 2, "y": 0}', "line 2 has the key 'x' more than once"),
        ('{"x": 1', "line 2 is not JSON at character 8"),
        ('{"x": "\\ud800", "y": 0}', "line 2, column 'x' has half a surrogate pair"),
        ("[" * 20_000, "line 2 is nested too deep"),
    ],
)
def test_a_line_of_json_is_refused_with_its_number(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, "jsonl", '{"x": 1, "y": 0}\n' + line)
