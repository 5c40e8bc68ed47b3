"""Matrix products for compiled code: a b, a^T b and a b^T, into `out`. Compiled code calls BLAS directly.

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

ROW_MAJOR, NOT_TRANSPOSED, TRANSPOSED = 101, 111, 112
"""Constants of the C interface to BLAS, cblas.h."""


class Products(NamedTuple):
    """Functions for compiled code. Each takes a, b and out."""

    multiply: Callable[[Array, Array, Array], None]
    multiply_left_transposed: Callable[[Array, Array, Array], None]
    multiply_right_transposed: Callable[[Array, Array, Array], None]


def by_openblas(library: Path) -> Products:
    """Products by the OpenBLAS of NumPy's wheel: the same bits as np.dot, at the same speed."""
    llvmlite.binding.load_library_permanently(str(library))
    sgemm, dgemm = _gemm("s", types.float32), _gemm("d", types.float64)

    @inlined
    def gemm(a: Array, a_transposition: int, b: Array, b_transposition: int, k: int, out: Array) -> None:
        layout, sizes = (ROW_MAJOR, a_transposition, b_transposition), (out.shape[0], out.shape[1], k)
        left, right = (a.ctypes.data, a.shape[1]), (b.ctypes.data, b.shape[1])
        if out.itemsize == 4:
            sgemm(*layout, *sizes, 1, *left, *right, 0, out.ctypes.data, out.shape[1])
        else:
            dgemm(*layout, *sizes, 1, *left, *right, 0, out.ctypes.data, out.shape[1])

    return Products(
        inlined(lambda a, b, out: gemm(a, NOT_TRANSPOSED, b, NOT_TRANSPOSED, a.shape[1], out)),
        inlined(lambda a, b, out: gemm(a, TRANSPOSED, b, NOT_TRANSPOSED, a.shape[0], out)),
        inlined(lambda a, b, out: gemm(a, NOT_TRANSPOSED, b, TRANSPOSED, a.shape[1], out)),
    )


def by_numba() -> Products:
    """Products by numba's np.dot, which calls SciPy's BLAS whatever BLAS NumPy uses."""
    return Products(
        inlined(lambda a, b, out: np.dot(a, b, out)),
        inlined(lambda a, b, out: np.dot(a.T, b, out)),
        inlined(lambda a, b, out: np.dot(a, b.T, out)),
    )


def _gemm(letter: str, real: types.Type) -> Callable[..., None]:
    """cblas_?gemm(layout, transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), with 64-bit integers."""
    enum, size, matrix = types.int32, types.int64, (types.uintp, types.int64)
    arguments = (enum, enum, enum, size, size, size, real, *matrix, *matrix, real, *matrix)
    name = f"scipy_cblas_{letter}gemm64_"
    return cast("Callable[..., None]", types.ExternalFunction(name, types.void(*arguments)))


library = blas.numpy_openblas()
multiply, multiply_left_transposed, multiply_right_transposed = (
    by_openblas(library) if library else by_numba()
)
