"""Time of a training step, beside PyTorch, JAX, scikit-learn and the matmul ceiling, in turns on one core."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module

from benchmarks.frameworks import Steps
from benchmarks.report import Row
from benchmarks.timing import require_same_work, seconds_per_step
from benchmarks.workload import CONVOLUTION, Workload, shapes

MODULES = {
    "holdout": "holdout",
    "pytorch": "pytorch",
    "jax": "jax_jit",
    "scikit-learn": "sklearn_mlp",
    "matmul ceiling": "matmul_ceiling",
    "holdout bfloat16": "holdout_bfloat16",
    "pytorch autocast": "pytorch_autocast",
}
IN_FLOAT32 = ["holdout", "pytorch", "jax", "scikit-learn", "matmul ceiling"]
GOALS: dict[str, dict[str, float]] = {
    "plain S": {"pytorch": 8, "jax": 2.4, "scikit-learn": 8},
    "plain M": {"pytorch": 2.5, "jax": 1.2},
    "plain L": {"pytorch": 2.6, "jax": 1.15, "scikit-learn": 3, "matmul ceiling": 1 / 1.28},
    "plain XL": {"pytorch": 1.9, "jax": 1.08, "matmul ceiling": 1 / 1.12},
    "regularised S": {"pytorch": 6},
    "regularised M": {"pytorch": 2},
    "regularised L": {"pytorch": 2},
    "regularised XL": {"pytorch": 1.6},
    "convolution C": {"pytorch": 0.6},
}
"""How many times as fast as each framework; against the matmul ceiling, the share of the products in a step."""


def measure() -> list[Row]:
    """Microseconds per step, and how many times as long the others take."""
    with on_one_core():
        return list(_rows())


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process on its last core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _rows() -> Iterator[Row]:
    for work in shapes(regularised=False):
        yield from compared("plain", work, IN_FLOAT32)
    for work in shapes(regularised=True):
        yield from compared("regularised", work, ["holdout", "pytorch"])
    yield from compared("convolution", CONVOLUTION, ["holdout", "pytorch"])


def compared(kind: str, work: Workload, names: list[str]) -> Iterator[Row]:
    """Compare the frameworks that are installed, after checking that they do the same work."""
    # Frameworks draw their own dropout masks and their own initial kernels of convolutions.
    if not work.filters:
        require_same_work(work, build_all(replace(work, dropout=0.0), names))
    seconds = seconds_per_step(build_all(work, names))
    ours, what = seconds.pop("holdout"), f"{kind} {work.name}"
    for name, theirs in seconds.items():
        goal = GOALS.get(what, {}).get(name)
        yield Row(what, name, f"{1e6 * ours:,.0f} µs", f"{1e6 * theirs:,.0f} µs", theirs / ours, goal)


def build_all(work: Workload, names: list[str]) -> dict[str, Steps]:
    """The step functions of the frameworks that are installed."""
    found: dict[str, Steps] = {}
    for name in names:
        try:
            module = import_module(f"benchmarks.frameworks.{MODULES[name]}")
        except ImportError as error:
            print(f"   {name} is left out: {error}")
            continue
        found[name] = module.build_steps(work)
    return found
