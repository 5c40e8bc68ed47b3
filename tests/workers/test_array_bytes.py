"""Arrays come back from their bytes with the same values, whatever their layout in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from workers import array_bytes
from workers.checkpoint import Checkpoint
from workers.nn.arrays import Array

TABLE = np.arange(12, dtype=np.float32).reshape(3, 4)
LAYOUTS = {
    "transposed": TABLE.T,
    "column-major": np.asfortranarray(TABLE),
    "every second column": TABLE[:, ::2],
    "reversed": TABLE[::-1],
    "broadcast": np.broadcast_to(TABLE[:1], (3, 4)),
    "big-endian": TABLE.astype(">f4"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_checkpoint_keeps_the_values_of_each_layout(layout: str) -> None:
    read = Checkpoint.from_bytes(Checkpoint(1, {"weight": LAYOUTS[layout]}).to_bytes())
    np.testing.assert_array_equal(read.arrays["weight"], LAYOUTS[layout])


@given(
    st.data(),
    arrays.arrays(
        st.sampled_from([np.float32, np.int64, np.uint8]), arrays.array_shapes(max_dims=3, max_side=4)
    ),
)
def test_any_view_is_read_as_it_was(data: st.DataObject, array: Array) -> None:
    axes = data.draw(st.permutations(range(array.ndim)))
    view = array.transpose(axes)[(slice(None, None, data.draw(st.sampled_from([1, 2, -1]))),)]
    np.testing.assert_array_equal(array_bytes.from_bytes(array_bytes.to_bytes({"a": view}))["a"], view)
