import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.data.target_bins import BINS, LEAST_ROWS, InvalidTargets, bin_targets


def test_ten_bins_have_equally_many_rows() -> None:
    labels, names = bin_targets(np.random.default_rng(0).normal(size=1000))
    assert len(names) == BINS
    np.testing.assert_array_equal(np.bincount(labels), 100)


def test_the_names_are_the_intervals_of_the_targets() -> None:
    labels, names = bin_targets(np.arange(30))
    assert names == ("[0, 10)", "[10, 20)", "[20, 29]")
    np.testing.assert_array_equal(labels, np.arange(30) // 10)


def test_equal_targets_share_a_bin() -> None:
    labels, names = bin_targets(np.r_[np.zeros(950), np.linspace(1, 2, 50)])
    assert np.bincount(labels)[0] == 950
    assert names[0] == "[0, 1)"


def test_names_have_as_many_digits_as_they_need_to_differ() -> None:
    _, names = bin_targets(1_000_000 + np.arange(20))
    assert names == ("[1e+06, 1.00001e+06)", "[1.00001e+06, 1.00002e+06]")


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=200))
def test_every_row_lies_in_its_bin_and_every_bin_has_enough_rows(targets: list[float]) -> None:
    values = np.array(targets)
    if len(np.unique(values)) < 2:
        return
    labels, names = bin_targets(values)
    counts = np.bincount(labels, minlength=len(names))
    assert len(names) == len(set(names)) == len(counts)
    assert counts.min() >= min(LEAST_ROWS, len(targets))
    lowest = [values[labels == k].min() for k in range(len(names))]
    highest = [values[labels == k].max() for k in range(len(names))]
    assert all(high < low for high, low in zip(highest[:-1], lowest[1:], strict=True))


@pytest.mark.parametrize(
    ("targets", "message"),
    [([1.0, 1.0], "all targets are equal"), ([1.0, float("nan")], "row 1"), ([float("inf"), 1.0], "row 0")],
)
def test_what_cannot_be_predicted_is_refused(targets: list[float], message: str) -> None:
    with pytest.raises(InvalidTargets, match=message):
        bin_targets(targets)
