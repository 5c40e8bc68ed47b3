"""From the columns of any reader to a data set: kinds, codes, gaps, labels and targets."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from workers.data.columns import Column
from workers.data.errors import MalformedFile
from workers.data.tables.options import TableOptions, listed, listing
from workers.data.tables.read_table import TableReading, read_table
from workers.data.tables.schema import Doubt, TableSchema
from workers.data.tables.table_reader import Batch, SourceColumn, TableReader


class Columns(TableReader):
    """A reader of arrays in memory, a few rows at a time."""

    file, file_bytes = "mine.csv", 1000

    def __init__(
        self, rows: int = 2, declared: dict[str, Column] | None = None, **columns: Sequence[Any]
    ) -> None:
        self.columns = [SourceColumn(name, (declared or {}).get(name)) for name in columns]
        self._arrays = [each if isinstance(each, pa.Array) else pa.array(each) for each in columns.values()]
        self._rows = rows

    def batches(self) -> Iterator[Batch]:
        for start in range(0, len(self._arrays[0]), self._rows):
            yield [array.slice(start, self._rows) for array in self._arrays]


def read(folder: Path, options: TableOptions | None = None, **columns: Any) -> TableReading:
    return read_table(Columns(**columns), options or TableOptions(), folder)


MIXED: dict[str, Any] = {
    "age": ["1.5", "NA", "3", "7", " 8 "],
    "town": ["b", " a", "", "c", "b"],
    "member": ["Yes", "no", "yes", None, "No"],
    "joined": ["1970-01-02", "1970-01-01T12:00:00Z", "", "31.12.1969", "1970/1/3"],
    "kind": ["q", "p", "q", "q", "p"],
}


def test_each_column_has_its_kind_its_levels_and_its_gaps(tmp_path: Path) -> None:
    dataset, schema = read(tmp_path, **MIXED)
    assert dataset is not None
    gap = np.nan
    expected = [[1.5, 1, 1, 1], [gap, 0, 0, 0.5], [3, gap, 1, gap], [7, 2, gap, -1], [8, 1, 0, 2]]
    np.testing.assert_array_equal(dataset.features, np.array(expected, np.float32))
    assert dataset.columns == (
        Column("age"),
        Column("town", "category", ("a", "b", "c")),
        Column("member", "boolean", ("no", "yes")),
        Column("joined", "date"),
    )
    assert [dataset.classes[label] for label in dataset.labels] == MIXED["kind"]
    assert [column.kind for column in schema.columns] == ["number", "category", "boolean", "date", "label"]
    assert [column.missing for column in schema.columns] == [0.2, 0.2, 0.2, 0.2, 0]
    assert (schema.columns[0].low, schema.columns[0].high, schema.columns[0].distinct) == (1.5, 8, 4)
    assert schema.columns[1].top[0] == ("b", 2)
    assert not schema.doubts
    assert TableSchema.from_json(schema.to_json()) == schema


def test_typed_columns_are_taken_as_their_types_say(tmp_path: Path) -> None:
    columns = {
        "whole": pa.array([1, 2, None]),
        "real": pa.array([0.5, float("nan"), None]),
        "flag": pa.array([True, None, False]),
        "colour": pa.array(["2", "1", None]).dictionary_encode(),
        "kind": ["a", "b", "a"],
    }
    dataset, _ = read(tmp_path, **columns)
    assert dataset is not None
    np.testing.assert_array_equal(
        dataset.features, [[1, 0.5, 1, 1], [2, np.nan, np.nan, 0], [np.nan, np.nan, 0, np.nan]]
    )
    assert [each.kind for each in dataset.columns or ()] == ["number", "number", "boolean", "category"]


def test_declared_levels_keep_their_order_even_if_none_of_the_rows_has_them(tmp_path: Path) -> None:
    declared = {"size": Column("size", "category", ("small", "medium", "large"))}
    dataset, _ = read(tmp_path, declared=declared, size=["large", "small"], kind=["a", "b"])
    assert dataset is not None
    assert dataset.columns == (declared["size"],)
    assert dataset.features.ravel().tolist() == [2, 0]


def test_a_column_that_turns_out_to_be_texts_is_read_again(tmp_path: Path) -> None:
    dataset, _ = read(tmp_path, code=["1", "01", "a", "b", "a"], kind=["p", "q", "p", "q", "q"])
    assert dataset is not None
    assert dataset.columns == (Column("code", "category", ("01", "1", "a", "b")),)
    assert dataset.features.ravel().tolist() == [1, 0, 2, 3, 2]


def test_a_few_cells_that_are_no_numbers_are_asked_about(tmp_path: Path) -> None:
    table: dict[str, Any] = {"x": ["1", "2", "3", "4,5", "inf", "6", "7"], "kind": ["a", "b"] * 3 + ["a"]}
    dataset, schema = read(tmp_path, **table)
    assert dataset is None
    [question] = schema.questions
    assert (question.code, question.column) == ("mixed_column", "x")
    assert "row 4, column 'x' is '4,5'" in question.text
    assert "2 of 7 cells" in question.text
    accepted, _ = read(tmp_path, TableOptions(accept=frozenset({"mixed_column"})), **table)
    assert accepted is not None
    np.testing.assert_array_equal(accepted.features.ravel(), [1, 2, 3, np.nan, np.nan, 6, 7])
    as_texts, _ = read(tmp_path, TableOptions(kinds={"x": "category"}), **table)
    assert as_texts is not None
    assert as_texts.columns == (Column("x", "category", ("1", "2", "3", "4,5", "6", "7", "inf")),)


def test_a_label_of_numbers_has_targets_and_bins(tmp_path: Path) -> None:
    numbers = [f"{number / 4}" for number in range(100)]
    dataset, schema = read(
        tmp_path, TableOptions(task="regression"), x=list(reversed(numbers)), price=numbers
    )
    assert dataset is not None
    assert dataset.targets is not None
    assert dataset.targets.tolist() == [number / 4 for number in range(100)]
    assert len(dataset.classes) == 10
    assert set(np.bincount(dataset.labels)) == {10}
    assert schema.task == "regression"


def test_rows_without_a_label_are_asked_about_and_left_out_if_accepted(tmp_path: Path) -> None:
    table: dict[str, Any] = {"x": ["1", "2", "3", "4"], "kind": ["a", "?", "NA", "b"]}
    dataset, schema = read(tmp_path, **table)
    assert dataset is None
    question = schema.questions[0]
    assert "'?' 1 times, 'NA' 1 times" in question.sentence
    assert TableSchema.from_json(json.loads(json.dumps(schema.to_json()))).doubts == schema.doubts
    assert [(each.field, each.meaning) for each in question.choices] == [
        ("accept", "leave them out"),
        ("missing", "take '?' and 'NA' as names of classes"),
    ]
    as_classes, _ = read(tmp_path, TableOptions(missing=listed(question.choices[1].value)), **table)
    assert as_classes is not None
    assert as_classes.classes == ("?", "NA", "a", "b")
    accepted, schema = read(tmp_path, TableOptions(accept=frozenset({"all"})), **table)
    assert accepted is not None
    assert accepted.features.ravel().tolist() == [1, 4]
    assert (schema.rows, accepted.classes) == (2, ("a", "b"))
    classes, _ = read(tmp_path, TableOptions(missing=("-",)), **table)
    assert classes is not None
    assert classes.classes == ("?", "NA", "a", "b")


def test_a_doubt_that_an_older_version_has_stored_is_read() -> None:
    stored = {
        "code": "free_text",
        "column": "x",
        "text": "Column 'x' is long.",
        "fields": {},
        "blocking": False,
    }
    assert Doubt.from_json(stored) == Doubt("free_text", "x", "Column 'x' is long.", blocking=False)


@pytest.mark.parametrize("texts", [["a"], ["a,b", "c"], ["[a"], [" a "], ["a", "b"], ["", "x"]])
def test_a_listing_of_texts_is_read_as_the_same_texts(texts: list[str]) -> None:
    assert listed(listing(texts)) == tuple(texts)


@pytest.mark.parametrize(("answer", "classes"), [("merge", ("1.0", "2")), ("keep", ("1", "1.0", "2"))])
def test_classes_that_differ_in_spelling_alone_are_asked_about(
    tmp_path: Path, answer: Any, classes: tuple[str, ...]
) -> None:
    table: dict[str, Any] = {"x": ["1", "2", "3", "4"], "kind": ["1", "1.0", "1.0", "2"]}
    assert [doubt.code for doubt in read(tmp_path, **table).schema.questions] == ["spellings"]
    dataset, _ = read(tmp_path, TableOptions(spellings=answer), **table)
    assert dataset is not None
    assert dataset.classes == classes


def test_another_column_that_is_named_like_a_label_is_asked_about(tmp_path: Path) -> None:
    table: dict[str, Any] = {"Class": ["a", "b"], "x": ["1", "2"], "z": ["3", "4"]}
    dataset, schema = read(tmp_path, **table)
    assert dataset is None
    assert schema.label == "Class"
    assert schema.questions[0].fields == {"label": "Class"}
    taken, _ = read(tmp_path, TableOptions(label="Class"), **table)
    assert taken is not None
    assert taken.classes == ("a", "b")


def test_columns_can_be_dropped_and_unknown_names_are_refused(tmp_path: Path) -> None:
    table: dict[str, Any] = {"x": ["1", "2"], "z": ["3", "4"], "kind": ["a", "b"]}
    dataset, _ = read(tmp_path, TableOptions(drop=("x",)), **table)
    assert dataset is not None
    assert dataset.features.ravel().tolist() == [3, 4]
    with pytest.raises(MalformedFile, match="has no column 'zz' that a field names; did you mean 'z'"):
        read(tmp_path, TableOptions(drop=("zz",)), **table)
    with pytest.raises(MalformedFile, match="has no column that is a feature"):
        read(tmp_path, TableOptions(drop=("x", "z")), **table)


def test_a_table_without_features_is_told_why_its_columns_are_none(tmp_path: Path) -> None:
    prices = [f"${n}" for n in range(40)]
    with pytest.raises(MalformedFile, match=r"feature \(Column 'price' has another text in each row"):
        read(tmp_path, price=prices, kind=["a", "b"] * 20)


def test_times_of_day_stay_distinct_by_an_offset(tmp_path: Path) -> None:
    times = [f"2026-05-31 12:00:{second:02}" for second in range(60)]
    dataset, _ = read(tmp_path, when=times, kind=["a", "b"] * 30)
    assert dataset is not None
    assert dataset.offset is not None
    assert len(np.unique(dataset.features)) == 60


def test_the_kinds_can_name_the_label_and_make_it_a_number(tmp_path: Path) -> None:
    table: dict[str, Any] = {"x": ["1", "2", "3"], "z": ["5", "6", "5"], "kind": ["a", "b", "c"]}
    named, _ = read(tmp_path, TableOptions(kinds={"z": "label"}), **table)
    assert named is not None
    assert named.classes == ("5", "6")
    number, schema = read(tmp_path, TableOptions(label="z", kinds={"z": "number"}), **table)
    assert number is not None
    assert number.targets is not None
    assert (schema.task, number.targets.tolist()) == ("regression", [5, 6, 5])
    with pytest.raises(MalformedFile, match="has several labels"):
        read(tmp_path, TableOptions(label="x", kinds={"z": "label"}), **table)
