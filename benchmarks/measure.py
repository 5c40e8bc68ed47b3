"""Interleaved blocks of steps: a neighbour's load falls on all contestants alike."""

import time
from statistics import median

import numpy as np

from benchmarks.frameworks import Steps
from benchmarks.workload import BATCHES, Work

BLOCKS = 15
BLOCK_SECONDS = 0.1
AGREEMENT = 5e-3
"""Between the mean losses of the first epoch, relatively: float32, and a different order of summation."""


class DifferentWorkError(AssertionError):
    """Contestants were to do the same, and their losses say that they did not."""


def require_same_work(work: Work, contestants: dict[str, Steps]) -> dict[str, float]:
    """The mean loss of the first epoch of each contestant that has one; they agree."""
    losses = {name: steps(BATCHES) for name, steps in contestants.items()}
    means = {name: float(np.mean(values[:BATCHES])) for name, values in losses.items() if values}
    reference = next(iter(means.values()))
    if not np.allclose(list(means.values()), reference, rtol=AGREEMENT):
        raise DifferentWorkError(f"{work}: {means}")
    return means


def seconds_per_step(contestants: dict[str, Steps]) -> dict[str, float]:
    """The median over the blocks, contestant after contestant in every round."""
    blocks = {name: _block(steps) for name, steps in contestants.items()}
    measured: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(BLOCKS):
        for name, steps in contestants.items():
            measured[name].append(_timed(steps, blocks[name]))
    return {name: median(times) for name, times in measured.items()}


def _block(steps: Steps) -> int:
    """So many steps that a block takes about BLOCK_SECONDS: whole epochs, which one contestant cannot divide."""
    return max(1, round(BLOCK_SECONDS / _timed(steps, BATCHES) / BATCHES)) * BATCHES


def _timed(steps: Steps, count: int) -> float:
    started = time.perf_counter()
    steps(count)
    return (time.perf_counter() - started) / count
