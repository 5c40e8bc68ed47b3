"""The global norm of a gradient, and clipping by it."""

import math

import numpy as np

from workers.nn.arrays import Array

SMALLEST, LARGEST = 1e-15, 1e18
"""Norms whose squares single precision holds with all their digits."""


def global_norm(gradient: Array) -> float:
    """The Euclidean norm of a gradient (P,), also where the squares leave the range of its precision."""
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
    """Scale the gradient (P,) in place to norm `limit` if it is longer, and return the norm it had.

    A norm that is not finite leaves the gradient as it is: the run has diverged, and scaling would hide that.
    Source: Pascanu et al. 2013, On the difficulty of training recurrent neural networks.
    Oracle: torch.nn.utils.clip_grad_norm_, which divides by norm + 1e-6.
    """
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(gradient))
    if not SMALLEST < norm < LARGEST:
        norm = global_norm(gradient)
    if math.isfinite(norm) and norm > limit:
        if norm >= LARGEST:  # limit / norm may be too small a number for the gradient's precision
            largest = float(np.abs(gradient).max())
            gradient /= gradient.dtype.type(largest)
            norm_left = norm / largest
            gradient *= limit / norm_left
        else:
            gradient *= limit / norm
    return norm
