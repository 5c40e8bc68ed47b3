"""Named arrays as the bytes of a safetensors file, which needs no pickle and which other tools can read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from workers.nn.arrays import Array


def to_bytes(arrays: Mapping[str, Array], metadata: dict[str, str] | None = None) -> bytes:
    """Write arrays in any memory layout.

    safetensors 0.8.0 stores the memory of an array as it lies, so the values of a transposed or sliced one would come
    back in another order. A copy in row-major order prevents that.
    """
    in_rows: dict[str, Any] = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return save(in_rows, metadata=metadata)


def from_bytes(content: bytes) -> dict[str, Any]:
    """Read the arrays that `to_bytes` wrote."""
    arrays: dict[str, Any] = load(content)
    return arrays
