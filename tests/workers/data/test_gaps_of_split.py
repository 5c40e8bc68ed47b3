"""Missing values and unknown levels of a split, column by column."""

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.gaps_of_split import ColumnGaps, gaps_of_split
from workers.data.split_rows import SplitRows

GAP = np.nan
COLUMNS = (Column("x"), Column("c", "category", ("a", "b", "d", "e")), Column("full"))
FEATURES = [[1, 0, 1], [GAP, 1, 1], [2, GAP, 1], [GAP, 2, 1], [GAP, 3, 1], [3, 3, 1], [4, 0, 1]]


def of_rows(*, train: list[int], validation: list[int], evaluation: list[int]) -> tuple[ColumnGaps, ...]:
    labels = np.arange(len(FEATURES)) % 2
    dataset = Dataset("t", np.array(FEATURES, np.float32), labels, ("p", "q"), columns=COLUMNS)
    parts = (np.array(part, np.int64) for part in (train, validation, [], evaluation))
    return gaps_of_split(dataset, SplitRows(*parts))


def test_gaps_are_counted_in_training_and_in_the_measured_part() -> None:
    expected = (ColumnGaps("x", 1, 2, 0, ()), ColumnGaps("c", 1, 0, 3, ("e", "d")))
    assert of_rows(train=[0, 1, 2], validation=[3, 4, 5, 6], evaluation=[]) == expected
    assert of_rows(train=[0, 1, 2], validation=[6], evaluation=[3, 4, 5, 6]) == expected


def test_a_column_without_gaps_is_left_out() -> None:
    assert of_rows(train=[0, 3, 5], validation=[6], evaluation=[]) == (ColumnGaps("x", 1, 0, 0, ()),)
