import numpy as np
import pytest

from workers.nn.arrays import Buffers, sum_rows


def test_a_buffer_is_handed_out_again() -> None:
    buffers = Buffers()
    first = buffers("z", (4, 3), np.float32)
    assert first.shape == (4, 3)
    assert first.dtype == np.float32
    assert buffers("z", (4, 3), np.float32) is first


def test_a_smaller_batch_gets_the_leading_rows_and_a_larger_one_a_new_array() -> None:
    buffers = Buffers()
    first = buffers("z", (4, 3), np.float32)
    smaller = buffers("z", (2, 3), np.float32)
    assert smaller.shape == (2, 3)
    assert np.shares_memory(smaller, first[:2])
    larger = buffers("z", (5, 3), np.float32)
    assert larger.shape == (5, 3)
    assert np.shares_memory(buffers("z", (4, 3), np.float32), larger)


def test_names_shapes_of_a_row_and_dtypes_have_buffers_of_their_own() -> None:
    buffers = Buffers()
    given = [
        buffers("z", (4, 3), np.float32),
        buffers("dx", (4, 3), np.float32),
        buffers("z", (4, 2), np.float32),
        buffers("z", (4, 3), np.float64),
    ]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(given) for b in given[:i])


@pytest.mark.parametrize("rows", [1, 7, 5000])
def test_rows_are_summed_in_their_own_precision(rows: int) -> None:
    x = np.random.default_rng(0).normal(3, 1, (rows, 4)).astype(np.float32)
    out = np.empty(4, np.float32)
    assert sum_rows(x, out=out) is out
    np.testing.assert_allclose(out, x.astype(np.float64).sum(axis=0), rtol=1e-5)
