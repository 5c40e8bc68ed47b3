"""Matrix products for compiled code: a b, a^T b and a b^T, into `out`, without a call from Python.

All arrays are C-contiguous and of one float type.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast

import llvmlite.binding
import numpy as np
from numba import types

from workers import blas
from workers.nn.arrays import Array
from workers.nn.kernels.compiled.compiler import inlined

ROW_MAJOR, AS_IT_IS, TRANSPOSED = 101, 111, 112
"""Of the C interface to BLAS, cblas.h."""


class Products(NamedTuple):
    """Functions for compiled code, by what they do to their first two arguments."""

    multiply: Callable[[Array, Array, Array], None]
    multiply_left_transposed: Callable[[Array, Array, Array], None]
    multiply_right_transposed: Callable[[Array, Array, Array], None]


def by_openblas(library: Path) -> Products:
    """By NumPy's own BLAS: the same bits, at the same speed, as np.dot."""
    llvmlite.binding.load_library_permanently(str(library))
    sgemm, dgemm = _gemm("s", types.float32), _gemm("d", types.float64)

    @inlined
    def gemm(a: Array, a_form: int, b: Array, b_form: int, k: int, out: Array) -> None:
        forms, sizes = (ROW_MAJOR, a_form, b_form), (out.shape[0], out.shape[1], k)
        left, right = (a.ctypes.data, a.shape[1]), (b.ctypes.data, b.shape[1])
        if out.itemsize == 4:
            sgemm(*forms, *sizes, 1, *left, *right, 0, out.ctypes.data, out.shape[1])
        else:
            dgemm(*forms, *sizes, 1, *left, *right, 0, out.ctypes.data, out.shape[1])

    return Products(
        inlined(lambda a, b, out: gemm(a, AS_IT_IS, b, AS_IT_IS, a.shape[1], out)),
        inlined(lambda a, b, out: gemm(a, TRANSPOSED, b, AS_IT_IS, a.shape[0], out)),
        inlined(lambda a, b, out: gemm(a, AS_IT_IS, b, TRANSPOSED, a.shape[1], out)),
    )


def by_numba() -> Products:
    """As numba does it: by SciPy's BLAS, whatever NumPy has."""
    return Products(
        inlined(lambda a, b, out: np.dot(a, b, out)),
        inlined(lambda a, b, out: np.dot(a.T, b, out)),
        inlined(lambda a, b, out: np.dot(a, b.T, out)),
    )


def _gemm(letter: str, real: types.Type) -> Callable[..., None]:
    """cblas_?gemm(order, form of a, of b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), in 64-bit integers."""
    form, size, matrix = types.int32, types.int64, (types.uintp, types.int64)
    arguments = (form, form, form, size, size, size, real, *matrix, *matrix, real, *matrix)
    name = f"scipy_cblas_{letter}gemm64_"
    return cast("Callable[..., None]", types.ExternalFunction(name, types.void(*arguments)))


library = blas.own_library()
multiply, multiply_left_transposed, multiply_right_transposed = (
    by_openblas(library) if library else by_numba()
)
