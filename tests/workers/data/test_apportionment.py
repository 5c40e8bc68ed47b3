from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workers.data.apportionment import allocate, allocate_classes, apportion, exact


@st.composite
def ratios(draw: st.DrawFn, least: int = 1) -> list[float]:
    parts = draw(st.lists(st.integers(least, 30), min_size=2, max_size=4).filter(any))
    return [part / sum(parts) for part in parts]


@pytest.mark.parametrize(
    ("rows", "given_ratios", "expected"),
    [
        (60_000, [0.7, 0.2, 0.1], [42_000, 12_000, 6_000]),
        (10, [0.7, 0.2, 0.1], [7, 2, 1]),
        (1_797, [0.7, 0.2, 0.1], [1_258, 359, 180]),  # 1257.9, 359.4, 179.7
        (4, [0.7, 0.2, 0.1], [3, 1, 0]),
        (5, [0.7, 0.2, 0.1], [4, 1, 0]),  # 3.5 and 0.5 are a tie; in binary, 0.7 is less and 0.1 is more
        (100, [1 / 3, 1 / 3, 1 / 3], [34, 33, 33]),
        (0, [0.5, 0.5], [0, 0]),
    ],
)
def test_rows_are_allocated_as_by_hand(rows: int, given_ratios: list[float], expected: list[int]) -> None:
    assert allocate(rows, exact(given_ratios)) == expected


@given(st.integers(0, 10**7), ratios())
def test_an_allocation_is_exact_and_each_part_is_its_share_rounded(rows: int, shares: list[float]) -> None:
    allocated = allocate(rows, exact(shares))
    assert sum(allocated) == rows
    for part, ratio in zip(allocated, exact(shares), strict=True):
        assert floor(rows * ratio) <= part <= ceil(rows * ratio)


@given(st.data())
def test_no_other_whole_numbers_within_the_bounds_are_closer(data: st.DataObject) -> None:
    quotas = [Fraction(n, 7) for n in data.draw(st.lists(st.integers(0, 35), min_size=2, max_size=4))]
    lows = data.draw(st.lists(st.integers(0, 2), min_size=len(quotas), max_size=len(quotas)))
    highs = [low + data.draw(st.integers(0, 5)) for low in lows]
    total = data.draw(st.integers(sum(lows), sum(highs)))
    found = apportion(quotas, total, lows, highs)

    every = product(*(range(low, high + 1) for low, high in zip(lows, highs, strict=True)))
    distances = [
        sum(abs(n - q) for n, q in zip(numbers, quotas, strict=True))
        for numbers in every
        if sum(numbers) == total
    ]
    assert sum(found) == total
    assert all(low <= n <= high for n, low, high in zip(found, lows, highs, strict=True))
    assert sum(abs(n - q) for n, q in zip(found, quotas, strict=True)) == min(distances)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20), ratios())
def test_a_table_of_classes_has_exact_margins_and_no_empty_cell(
    counts: list[int], shares: list[float]
) -> None:
    sizes = allocate(sum(counts), exact(shares))
    assume(min(counts) >= len(sizes) and min(sizes) >= len(counts))
    table = allocate_classes(counts, sizes)
    assert [sum(part) for part in table] == sizes
    assert [sum(of_class) for of_class in zip(*table, strict=True)] == counts
    assert min(map(min, table)) >= 1


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20), st.integers(2, 60), st.integers(2, 60))
def test_if_no_class_is_small_each_is_within_two_rows_of_its_share(
    counts: list[int], validation: int, test: int
) -> None:
    rows = sum(counts)
    sizes = [rows - validation - test, validation, test]
    assume(min(sizes) >= len(counts))
    shares = [[Fraction(count * size, rows) for count in counts] for size in sizes]
    assume(min(map(min, shares)) >= 2)
    for part, of_part in zip(allocate_classes(counts, sizes), shares, strict=True):
        assert all(abs(taken - share) < 2 for taken, share in zip(part, of_part, strict=True))


def test_small_classes_get_their_row_from_the_large_one() -> None:
    # Three rows a class over 70:20:10: rounding alone would leave most of them without a test row.
    table = allocate_classes([3, 3, 3, 91], allocate(100, exact([0.7, 0.2, 0.1])))
    assert [part[:3] for part in table] == [[1, 1, 1]] * 3
    assert [part[3] for part in table] == [67, 17, 7]


def test_a_thousand_classes_take_no_time() -> None:
    counts = list(range(3, 1003))
    table = allocate_classes(counts, allocate(sum(counts), exact([0.7, 0.2, 0.1])))
    assert [sum(of_class) for of_class in zip(*table, strict=True)] == counts
