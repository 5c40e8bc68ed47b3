"""The ceiling: only the matrix products of a step, by NumPy's BLAS. It computes no loss and learns nothing."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.frameworks import Steps
from benchmarks.workload import Floats, Workload


def build_steps(work: Workload) -> Steps:
    x: Floats = work.data.scaled[: work.batch].copy()
    products: list[Callable[[], object]] = []
    for index, (weight, _) in enumerate(work.weights()):
        y = np.empty((work.batch, weight.shape[1]), np.float32)
        products.append(partial(np.dot, x, weight, y))
        products.append(partial(np.dot, x.T, y, np.empty_like(weight)))
        if index:
            products.append(partial(np.dot, y, weight.T, np.empty_like(x)))
        x = y

    def steps(count: int) -> list[float]:
        for _ in range(count):
            for product in products:
                product()
        return []

    return steps
