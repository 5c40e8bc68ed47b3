import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.data.dataset import Dataset
from workers.data.errors import MalformedFile
from workers.data.formats import CSV
from workers.data.tables import line_blocks
from workers.data.tables.schema import UnansweredQuestions

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
LABELS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)

PLAIN: dict[str, Any] = {"header": "true", "delimiter": ",", "missing": "MISSING", "spellings": "keep"}
"""Nothing is recognised from the first lines, and nothing is asked."""


def read(folder: Path, content: bytes, label: str | None = None, **fields: Any) -> Dataset:
    (folder / "file").write_bytes(content)
    return CSV(label=label, **fields).read(folder).dataset


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float]], list[str], int]:
    """Features (n, d), labels (n,) of two classes at least, and the place of their column."""
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(2, 12))
    features = draw(
        st.lists(st.lists(NUMBERS, min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )
    classes = draw(st.lists(LABELS, min_size=2, max_size=4, unique=True))
    labels = [*classes, *draw(st.lists(st.sampled_from(classes), min_size=rows, max_size=rows))][:rows]
    return features, labels, draw(st.integers(0, columns))


@in_one_folder
@given(tables(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), st.integers(1, 40))
def test_a_written_file_is_read_back(
    tmp_path: Path,
    table: tuple[list[list[float]], list[str], int],
    end: str,
    quoted: bool,
    mark: bool,
    block: int,
) -> None:
    features, labels, place = table
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    header = [f"x{column}" for column in range(len(features[0]))]
    writer.writerow([*header[:place], "the class", *header[place:]])
    for row, label in zip(features, labels, strict=True):
        writer.writerow([*row[:place], label, *row[place:]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_blocks, "BLOCK_BYTES", block)
        dataset = read(
            tmp_path, out.getvalue().encode("utf-8-sig" if mark else "utf-8"), "the class", **PLAIN
        )
    assert np.array_equal(dataset.features, np.array(features, np.float32))
    assert [dataset.classes[label] for label in dataset.labels] == labels
    assert len(set(dataset.classes)) == len(set(labels)) == len(dataset.classes)
    assert dataset.shape is None


def test_the_label_is_the_last_column_unless_it_is_named(tmp_path: Path) -> None:
    content = b"a,b,c\n1,2,3\n4,5,6\n"
    assert read(tmp_path, content).classes == ("3", "6")
    assert read(tmp_path, content, "a").classes == ("1", "4")
    assert read(tmp_path, content, "a").features.tolist() == [[2, 3], [5, 6]]


def test_a_missing_label_column_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match="has no column 'specie' for the label; did you mean 'species'"):
        read(tmp_path, b"width,species\n1,a\n2,b\n", "specie")


def test_classes_that_are_whole_numbers_are_in_their_order(tmp_path: Path) -> None:
    assert read(tmp_path, b"x,y\n0,10\n1,9\n2,-1\n").classes == ("-1", "9", "10")
    assert read(tmp_path, b"x,y\n0,10\n1,9\n2,b\n").classes == ("10", "9", "b")


def test_empty_lines_and_spaces_around_fields_are_ignored(tmp_path: Path) -> None:
    dataset = read(tmp_path, b'x, y\n\n 1 , a \r\n\n2, "b"\n\n')
    assert dataset.features.tolist() == [[1], [2]]
    assert dataset.classes == ("a", "b")


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [("0,255,3.0,1e2", np.uint8), ("0,256", np.float32), ("-1,0", np.float32), ("0,0.5", np.float32)],
)
def test_whole_numbers_up_to_255_are_stored_as_bytes(tmp_path: Path, numbers: str, dtype: type) -> None:
    rows = "".join(f"{number},{index % 2}\n" for index, number in enumerate(numbers.split(",")))
    dataset = read(tmp_path, f"x,y\n{rows}".encode())
    assert dataset.features.dtype == dtype
    assert dataset.features.ravel().tolist() == [float(number) for number in numbers.split(",")]


def test_a_late_fraction_does_not_change_earlier_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 16)
    rows = "".join(f"{number},{number % 2}\n" for number in range(200))
    dataset = read(tmp_path, f"x,y\n{rows}0.5,0\n".encode())
    assert dataset.features.ravel().tolist() == [*range(200), 0.5]


@pytest.mark.parametrize("block", [4, 64, 2**18])
def test_lines_are_counted_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", block)
    content = b"x,y\n" + b"\n" + b"1,a\n" * 100 + b"2,b\n" + b"two,b\n"
    with pytest.raises(UnansweredQuestions, match=f"{tmp_path.name}.csv, line 104, column 'x' is 'two'"):
        read(tmp_path, content)
