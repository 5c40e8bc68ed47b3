"""Gradient clipping by the global norm."""

import math

import numpy as np

from workers.nn.arrays import Array

SMALLEST, LARGEST = 1e-15, 1e18
"""The range of norms whose squares single precision represents with full precision."""


def global_norm(gradient: Array) -> float:
    """The Euclidean norm of a gradient (P,), even if its squares overflow or underflow. Infinite or NaN stays so."""
    with np.errstate(over="ignore"):
        norm = math.sqrt(float(np.dot(gradient, gradient)))
    if SMALLEST < norm < LARGEST:
        return norm
    largest = float(np.abs(gradient).max(initial=0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    scaled = gradient / gradient.dtype.type(largest)
    return largest * math.sqrt(float(np.dot(scaled, scaled)))


def clip_by_global_norm(gradient: Array, limit: float) -> float:
    """Scale the gradient (P,) in place to norm `limit` if its norm is larger, and return the norm before.

    If the norm is not finite, the gradient stays as it is: the run has diverged, and scaling would hide that.
    Source: Pascanu et al. 2013, On the difficulty of training recurrent neural networks.
    Oracle: torch.nn.utils.clip_grad_norm_, which divides by norm + 1e-6.
    """
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(gradient))
    if not SMALLEST < norm < LARGEST:
        norm = global_norm(gradient)
    if math.isfinite(norm) and norm > limit:
        if norm >= LARGEST:  # limit / norm may underflow in the gradient's precision
            largest = float(np.abs(gradient).max())
            gradient /= gradient.dtype.type(largest)
            gradient *= limit / (norm / largest)
        else:
            gradient *= limit / norm
    return norm
