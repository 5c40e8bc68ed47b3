"""The matrix products for compiled code, by OpenBLAS and by numba, against NumPy's."""

from typing import Any

import numpy as np
import pytest

from workers import blas

numba = pytest.importorskip("numba", reason="numba has no wheel for this system")

from workers.nn.kernels.compiled import matmul  # noqa: E402

IMPLEMENTATIONS = {"numba": matmul.by_numba()}
if library := blas.numpy_openblas():
    IMPLEMENTATIONS["openblas"] = matmul.by_openblas(library)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("products", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
def test_products_are_those_of_numpy(products: matmul.Products, dtype: Any) -> None:
    multiply, multiply_left_transposed, multiply_right_transposed = products

    @numba.njit  # type: ignore[untyped-decorator]
    def run(a: Any, b: Any, ab: Any, aab: Any, abb: Any) -> None:
        multiply(a, b, ab)
        multiply_left_transposed(a, ab, aab)
        multiply_right_transposed(ab, b, abb)

    generator, epsilon = np.random.default_rng(0), np.finfo(dtype).eps
    a, b = (generator.normal(size=shape).astype(dtype) for shape in ((33, 65), (65, 7)))
    ab, aab, abb = np.empty((33, 7), dtype), np.empty((65, 7), dtype), np.empty((33, 65), dtype)
    run(a, b, ab, aab, abb)
    for product, expected in ((ab, a @ b), (aab, a.T @ (a @ b)), (abb, (a @ b) @ b.T)):
        np.testing.assert_allclose(product, expected, rtol=100 * epsilon, atol=1000 * epsilon)
