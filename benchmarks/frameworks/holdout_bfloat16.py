"""Holdout in mixed precision, on the processor's unit for bfloat16."""

from benchmarks.frameworks import Steps, holdout
from benchmarks.workload import Workload
from workers.nn import mixed_precision


def build_steps(work: Workload) -> Steps:
    """The same steps as in float32. Raises bfloat16.NoUnit."""
    return holdout.build_steps(work, mixed_precision.products())
