"""Calibration: whether rows that a model is so sure of are right as often, in bins of equal width over [0, 1]."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Array, Integers

CALIBRATION_BINS = 15

Booleans = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """The rows of each bin (lo, hi], all (B,). confidence, accuracy: means over its rows; NaN without rows."""

    rows: Integers
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(confidence: Array, is_right: Booleans, bins: int = CALIBRATION_BINS) -> ReliabilityBins:
    """What the calibration error sums up, of rows with this confidence (N,).

    Oracle: sklearn.calibration.calibration_curve, whose bins are [lo, hi) and which leaves out empty ones.
    """
    doubles = confidence.astype(np.float64)
    bin_of = bins_of(doubles, bins)
    rows = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(bin_of, weights, bins) / rows for weights in (doubles, is_right)]
    return ReliabilityBins(rows, *means)


def calibration_error(confidence: Array, is_right: Booleans, bins: int = CALIBRATION_BINS) -> float:
    """The expected calibration error of rows with this confidence (N,)."""
    doubles = confidence.astype(np.float64)
    gaps = np.bincount(bins_of(doubles, bins), weights=is_right - doubles, minlength=bins)
    return error_of_gaps(gaps, len(confidence))


def error_of_gaps(gaps: NDArray[np.number[Any]], rows: int) -> float:
    """The same of the gaps (B,): over the rows of each bin, the sum of 1 if right, else 0, minus the confidence."""
    return float(np.abs(gaps).sum()) / rows


def bins_of(confidence: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """The index of each row's bin (N,)."""
    bin_of = np.ceil(confidence * bins).astype(np.intp) - 1
    np.minimum(bin_of, bins - 1, out=bin_of)  # float32 probabilities can pass 1 by a rounding
    return np.maximum(bin_of, 0, out=bin_of)
