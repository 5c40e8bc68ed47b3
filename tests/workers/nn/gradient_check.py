"""A gradient checker: central differences in float64."""

from collections.abc import Callable
from typing import SupportsFloat

import numpy as np

from workers.nn.arrays import Array


def check_gradient(
    f: Callable[[Array], SupportsFloat],
    x: Array,
    analytic: Array,
    *,
    step: float = 1e-4,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> None:
    """Assert that `analytic`, of x's shape, is the gradient of the scalar function f at x (float64).

    f is handed a copy, which it may overwrite. Keep x further than two steps from every kink of f.
    """
    assert x.dtype == np.float64, f"differences need float64, not {x.dtype}"
    assert analytic.shape == x.shape, f"a gradient of shape {analytic.shape} for x of shape {x.shape}"
    np.testing.assert_allclose(analytic, central_differences(f, x, step), rtol=rtol, atol=atol)


def central_differences(f: Callable[[Array], SupportsFloat], x: Array, step: float) -> Array:
    """df/dx by the five-point stencil: with an error of O(step^4), the step can stay far above rounding."""
    numeric = np.empty_like(x)
    for index in np.ndindex(x.shape):

        def shifted(steps: int, index: tuple[int, ...] = index) -> float:
            moved = x.copy()
            moved[index] += steps * step
            return float(f(moved))

        numeric[index] = (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * step)
    return numeric
