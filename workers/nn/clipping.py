"""Gradient clipping."""

import math

import numpy as np

from workers.nn.arrays import Array


def clip_by_global_norm(gradient: Array, limit: float) -> float:
    """Scale the gradient (P,) in place to norm `limit` if it is longer, and return the norm it had.

    A norm that is not finite leaves the gradient as it is: the run has diverged, and scaling would hide that.
    Source: Pascanu et al. 2013, On the difficulty of training recurrent neural networks.
    Oracle: torch.nn.utils.clip_grad_norm_, which divides by norm + 1e-6.
    """
    norm = float(np.linalg.norm(gradient))
    if math.isfinite(norm) and norm > limit:
        gradient *= limit / norm
    return norm
