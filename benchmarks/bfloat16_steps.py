"""Time of a training step in bfloat16, beside PyTorch in float32 and under autocast, in turns on one core."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.report import Row
from benchmarks.steps import build_all, on_one_core
from benchmarks.timing import require_same_work, seconds_per_step
from benchmarks.workload import Workload, shapes
from workers.bfloat16 import NoUnit
from workers.nn import mixed_precision

OURS = "holdout bfloat16"
GOALS: dict[str, dict[str, float]] = {
    "plain L": {"pytorch": 2.1, "pytorch autocast": 2.2},
    "plain XL": {"pytorch": 2.6, "pytorch autocast": 1.35},
    "regularised L": {"pytorch": 2.6},
    "regularised XL": {"pytorch": 2.6},
}
"""How many times as fast as PyTorch in float32, and as PyTorch under autocast."""
AGREEMENT = 0.05
"""Relative tolerance between mean losses of the first epoch: each framework rounds at other places."""


def measure() -> list[Row]:
    """Microseconds per step, and how many times as long PyTorch takes; why there are none, without a unit."""
    works = {f"{kind} {work.name}": work for kind, work in _wide()}
    try:
        mixed_precision.products()
    except NoUnit:
        return [
            Row(f"{what}, bfloat16", against, "no unit on this processor", "", None, goal)
            for what in works
            for against, goal in GOALS[what].items()
        ]
    with on_one_core():
        return [row for what, work in works.items() for row in _compared(what, work)]


def _wide() -> Iterator[tuple[str, Workload]]:
    """The shapes whose steps are mostly products."""
    for kind in ("plain", "regularised"):
        for work in shapes(regularised=kind == "regularised"):
            if work.name in ("L", "XL"):
                yield kind, work


def _compared(what: str, work: Workload) -> Iterator[Row]:
    goals = GOALS[what]
    names = [OURS, *goals]
    require_same_work(work, build_all(replace(work, dropout=0.0), names), AGREEMENT)
    seconds = seconds_per_step(build_all(work, names))
    ours = seconds.pop(OURS)
    for name, theirs in seconds.items():
        times = f"{1e6 * ours:,.0f} µs", f"{1e6 * theirs:,.0f} µs"
        yield Row(f"{what}, bfloat16", name, *times, theirs / ours, goals[name])
