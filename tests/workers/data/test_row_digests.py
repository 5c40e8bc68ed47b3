import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.data import row_digests as module
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.row_digests import first_rows, groups_of_equal_rows, row_digests

CLASSES = ("left", "right")


def dataset(rows: int = 200, *, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> Dataset:
    generator = np.random.default_rng(seed)
    features = generator.integers(0, 256, (rows, 6)).astype(np.uint8)
    return Dataset("mine", features, generator.integers(0, len(classes), rows), classes)


def changed(data: Dataset, **fields: object) -> Dataset:
    return Dataset(**{**{name: getattr(data, name) for name in Dataset.__dataclass_fields__}, **fields})


def test_neither_a_name_nor_the_order_of_the_file_changes_a_digest() -> None:
    data = dataset()
    order = np.random.default_rng(1).permutation(len(data))
    copy = changed(data.take(order), name="another")
    assert row_digests(copy).tolist() == row_digests(data)[order].tolist()


def test_bytes_and_floats_of_the_same_values_are_the_same_rows() -> None:
    data = dataset()
    floats = changed(data, features=data.features.astype(np.float32))
    assert row_digests(floats).tolist() == row_digests(data).tolist()


def test_an_offset_is_part_of_the_values_and_not_of_the_row() -> None:
    """A data set without one of its rows has another median, so another offset."""
    seconds = 1_600_000_000 + np.arange(100.0)[:, None] * 1000
    labels = np.arange(100) % 2
    digests = []
    for offset in (np.array([1_600_000_000.0]), np.array([1_600_050_000.0])):
        features = (seconds - offset).astype(np.float32)
        digests.append(row_digests(Dataset("t", features, labels, CLASSES, None, offset)).tolist())
    assert digests[0] == digests[1]


def test_rows_that_are_one_in_single_precision_are_different_with_an_offset() -> None:
    offset = np.array([1_700_000_000.0])
    features = np.arange(100, dtype=np.float32)[:, None]
    data = Dataset("t", features, np.zeros(100, np.int64), CLASSES, None, offset)
    assert len(set(row_digests(data).tolist())) == 100
    whole = Dataset("t", (features + offset).astype(np.float32), data.labels, CLASSES)
    representable = (features + offset)[:, 0] == whole.features[:, 0]
    assert representable.any()
    assert ((row_digests(data) == row_digests(whole)) == representable).all()


def test_minus_zero_is_zero() -> None:
    zeros = np.zeros((1, 2), np.float32)
    one, other = (Dataset("z", each, np.array([0]), CLASSES) for each in (zeros, -zeros))
    assert row_digests(one).tolist() == row_digests(other).tolist()


def test_the_class_s_name_counts_and_not_its_number() -> None:
    data = dataset()
    swapped = changed(data, labels=1 - data.labels, classes=CLASSES[::-1])
    assert row_digests(swapped).tolist() == row_digests(data).tolist()
    other = changed(data, classes=("left", "wrong"))
    same = row_digests(other) == row_digests(data)
    assert same.tolist() == (data.labels == 0).tolist()


def test_one_changed_value_makes_another_row() -> None:
    data = dataset()
    features = data.features.copy()
    features[3, 2] ^= 1
    different = row_digests(changed(data, features=features)) != row_digests(data)
    assert np.flatnonzero(different).tolist() == [3]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = row_digests(dataset())
    monkeypatch.setattr(module, "BLOCK_BYTES", 6 * 4 * 7)
    assert row_digests(dataset()).tolist() == whole.tolist()


def test_digests_of_this_version_never_change() -> None:
    """Stored ledgers name rows by them."""
    data = Dataset("v", np.array([[0, 255], [7, 1]], np.uint8), np.array([0, 1]), CLASSES)
    assert row_digests(data).tolist() == [15605007906362897087, 17156985858835447574]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 10), st.integers(0, 10))
def test_first_rows_are_nested_and_divide_no_equal_rows(values: list[int], fewer: int, more: int) -> None:
    digests, labels, most = (
        np.array(values, np.uint64),
        np.zeros(len(values), np.int64),
        np.array([len(values)]),
    )
    small = set(first_rows(digests, labels, np.array([fewer]), most).tolist())
    large = set(first_rows(digests, labels, np.array([fewer + more]), most).tolist())
    assert small <= large
    for rows in (small, large):
        inside = {values[row] for row in rows}
        assert inside.isdisjoint(values[row] for row in range(len(values)) if row not in rows)
        assert sorted(values)[: len(rows)] == sorted(values[row] for row in rows)
    if fewer <= len(values):
        assert len(small) >= fewer
        assert len(small - {row for row in small if values[row] == max(values[r] for r in small)}) < fewer


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 40), st.integers(0, 40))
def test_no_more_first_rows_are_taken_than_may_be(values: list[int], wanted: int, most: int) -> None:
    digests, labels = np.array(values, np.uint64), np.zeros(len(values), np.int64)
    taken = first_rows(digests, labels, np.array([wanted]), np.array([most]))
    assert len(taken) <= most
    following = [value for value in values if value not in digests[taken].tolist()]
    if len(taken) < wanted and following:
        assert len(taken) + values.count(min(following)) > most


def test_each_class_has_its_own_first_rows() -> None:
    data = dataset()
    digests, counts = row_digests(data), data.counts
    rows = first_rows(digests, data.labels, np.array([5, 0]), counts)
    of_left = np.flatnonzero(data.labels == 0)
    expected = of_left[np.argsort(digests[of_left])][:5]
    assert rows.tolist() == sorted(expected.tolist())
    assert first_rows(digests, data.labels, np.array([0, 0]), counts).tolist() == []


def test_equal_rows_are_one_group() -> None:
    data = dataset(10)
    doubled = data.take(np.concatenate([np.arange(10), [3, 3, 7]]))
    groups: NDArray[np.int64] = groups_of_equal_rows(row_digests(doubled))
    assert groups[10] == groups[11] == groups[3]
    assert groups[12] == groups[7]
    assert len(set(groups.tolist())) == 10


def _table(levels: tuple[str, ...], texts: list[str | None], *, nan: float = math.nan) -> Dataset:
    codes = [math.nan if text is None else levels.index(text) for text in texts]
    features = np.column_stack([[1, nan, -0.0], codes]).astype(np.float32)
    columns = (Column("x"), Column("c", "category", levels))
    return Dataset("t", features, np.zeros(3, np.int64), ("a",), columns=columns)


def test_a_category_counts_by_its_text_whatever_the_levels_of_the_file() -> None:
    texts = ["red", "blue", None]
    one = row_digests(_table(("red", "blue"), texts))
    other = row_digests(_table(("aqua", "blue", "green", "red"), texts))
    np.testing.assert_array_equal(one, other)
    assert not np.isin(row_digests(_table(("red", "blue"), ["blue", "red", "red"])), one).any()


def test_every_missing_number_is_the_same_and_numbers_count_as_without_columns() -> None:
    negative_nan = float(np.array(0xFFC00001, np.uint32).view(np.float32))
    texts = ["red", "red", None]
    expected = row_digests(_table(("red",), texts))
    np.testing.assert_array_equal(row_digests(_table(("red",), texts, nan=negative_nan)), expected)
    plain = Dataset("p", np.array([[1.5, 2]], np.float32), np.zeros(1, np.int64), ("a",))
    named = replace(plain, columns=(Column("x"), Column("y", "date")))
    np.testing.assert_array_equal(row_digests(plain), row_digests(named))
