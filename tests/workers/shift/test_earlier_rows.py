"""The sample of earlier rows: its size, and that it says nothing about which row came from where."""

import numpy as np

from workers.shift.earlier_rows import MOST_CELLS, MOST_ROWS, capacity, drawn, packed, unpacked


def test_it_is_bounded_in_rows_and_cells() -> None:
    assert capacity(4) == MOST_ROWS
    assert capacity(784) == MOST_CELLS // 784
    assert capacity(10_000_000) == 20
    stream = np.random.default_rng(0)
    assert drawn(np.zeros((5000, 4), np.uint8), MOST_ROWS, stream).shape == (MOST_ROWS, 4)
    assert drawn(np.zeros((7, 4)), MOST_ROWS, stream).shape == (7, 4)


def test_it_is_stored_as_it_is() -> None:
    rows = np.array([[1.5, np.nan], [-1.0, 3e38]], np.float32)
    assert np.array_equal(unpacked(packed(rows), 2), rows, equal_nan=True)


def test_old_rows_and_new_ones_stay_with_the_same_probability() -> None:
    stream, kept = np.random.default_rng(1), np.zeros(2)
    both = np.repeat([0.0, 1.0], [300, 100])[:, None]
    for _ in range(400):
        kept += np.bincount(drawn(both, 300, stream)[:, 0].astype(int), minlength=2)
    assert np.allclose(kept / 400, [225, 75], atol=1)
