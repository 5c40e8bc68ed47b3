"""PyTorch under autocast, which rounds the operands of matrix products to bfloat16."""

import torch

from benchmarks.frameworks import Steps, pytorch
from benchmarks.workload import Workload


def build_steps(work: Workload) -> Steps:
    steps = pytorch.build_steps(work)

    def rounded(count: int) -> list[float]:
        with torch.autocast("cpu", torch.bfloat16):
            return steps(count)

    return rounded
