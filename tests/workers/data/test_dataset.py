from dataclasses import replace

import numpy as np
import pytest

from workers.data.columns import Column
from workers.data.dataset import Dataset, rows_by_class

SMALL = Dataset(
    "small",
    np.arange(12, dtype=np.float32).reshape(4, 3),
    np.array([2, 0, 2, 0]),
    ("a", "b", "c"),
)
MIXED = (Column("a"), Column("b", "boolean", ("no", "yes")), Column("c", "category", ("low", "high")))


def test_counts_include_classes_without_rows() -> None:
    assert SMALL.counts.tolist() == [2, 0, 2]


def test_take_keeps_the_order_asked_for() -> None:
    taken = SMALL.take(np.array([3, 0]))
    assert taken.features[:, 0].tolist() == [9, 0]
    assert taken.labels.tolist() == [0, 2]


def test_the_hash_is_of_the_content_and_not_of_its_name_or_layout() -> None:
    features = np.asfortranarray(SMALL.features, np.float32)
    same = replace(SMALL, name="other", features=features, labels=SMALL.labels.astype(np.int64, copy=True))
    assert same.sha256 == SMALL.sha256


@pytest.mark.parametrize(
    "other",
    [
        replace(SMALL, features=SMALL.features * np.float32(2)),
        replace(SMALL, features=SMALL.features.astype(np.uint8)),
        replace(SMALL, features=SMALL.features.reshape(2, 6), labels=SMALL.labels[:2]),
        replace(SMALL, labels=SMALL.labels[::-1].copy()),
        replace(SMALL, classes=("a", "b", "d")),
        replace(SMALL, shape=(3, 1, 1)),
        replace(SMALL, columns=MIXED),
        replace(SMALL, columns=(*MIXED[:2], Column("c", "category", ("low", "top")))),
        replace(SMALL, targets=np.array([1.5, 2, 3, 4])),
    ],
    ids=["features", "dtype", "rows", "labels", "classes", "shape", "kinds", "levels", "targets"],
)
def test_the_hash_changes_with_anything_in_the_content(other: Dataset) -> None:
    assert other.sha256 != SMALL.sha256


def test_the_hash_does_not_change_with_the_names_of_columns() -> None:
    assert replace(SMALL, columns=tuple(map(Column, "abc"))).sha256 == SMALL.sha256
    renamed = tuple(replace(column, name=column.name * 2) for column in MIXED)
    assert replace(SMALL, columns=renamed).sha256 == replace(SMALL, columns=MIXED).sha256


def test_rows_are_taken_with_their_targets_and_columns() -> None:
    taken = replace(SMALL, columns=MIXED, targets=np.array([1.5, 2, 3, 4])).take(np.array([3, 0]))
    assert taken.columns == MIXED
    assert taken.targets is not None
    assert taken.targets.tolist() == [4, 1.5]


def test_the_hash_stays_what_pins_were_made_of() -> None:
    assert SMALL.sha256 == "9cb78198ae2c568c48834a827886a1f8572a504cdfab090d221543e2a6a3fab5"


def test_rows_by_class_are_ascending_and_empty_for_an_absent_class() -> None:
    assert [rows.tolist() for rows in rows_by_class(SMALL.labels, 3)] == [[1, 3], [], [0, 2]]
