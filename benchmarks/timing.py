"""Times steps in interleaved blocks, so that other load on the machine affects all frameworks alike."""

import time
from statistics import median

import numpy as np

from benchmarks.frameworks import Steps
from benchmarks.workload import BATCHES, Workload

BLOCKS = 15
BLOCK_SECONDS = 0.1
AGREEMENT = 5e-3
"""Relative tolerance between mean losses of the first epoch: float32, and a different order of summation."""


class DifferentWorkError(AssertionError):
    """The losses of the frameworks differ, so they did not do the same work."""


def require_same_work(
    work: Workload, frameworks: dict[str, Steps], agreement: float = AGREEMENT
) -> dict[str, float]:
    """The mean loss of the first epoch, by framework. Raises DifferentWorkError unless they agree."""
    losses = {name: steps(BATCHES) for name, steps in frameworks.items()}
    means = {name: float(np.mean(values[:BATCHES])) for name, values in losses.items() if values}
    reference = next(iter(means.values()))
    if not np.allclose(list(means.values()), reference, rtol=agreement):
        raise DifferentWorkError(f"{work}: {means}")
    return means


def seconds_per_step(frameworks: dict[str, Steps]) -> dict[str, float]:
    """The median over the blocks, by framework; they take turns in every round."""
    blocks = {name: _block(steps) for name, steps in frameworks.items()}
    measured: dict[str, list[float]] = {name: [] for name in frameworks}
    for _ in range(BLOCKS):
        for name, steps in frameworks.items():
            measured[name].append(_timed(steps, blocks[name]))
    return {name: median(times) for name, times in measured.items()}


def _block(steps: Steps) -> int:
    """The number of steps that take about BLOCK_SECONDS: whole epochs, since scikit-learn takes no fewer."""
    return max(1, round(BLOCK_SECONDS / _timed(steps, BATCHES) / BATCHES)) * BATCHES


def _timed(steps: Steps, count: int) -> float:
    started = time.perf_counter()
    steps(count)
    return (time.perf_counter() - started) / count
