import numpy as np
import pytest

from workers.nn.arrays import Buffers, filled


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


def test_constants_are_shared_and_cannot_be_written_to() -> None:
    ones = filled(1.0, 3, np.dtype(np.float32))
    assert ones is filled(1.0, 3, np.dtype(np.float32))
    assert ones.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        ones += 1
