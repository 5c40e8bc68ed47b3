"""What predicted probabilities are worth: negative log-likelihood, Brier score, calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.nn import kernels
from workers.nn.arrays import Array, Integers, mean

CALIBRATION_BINS = 15


def nll(log_p: Array, labels: Integers) -> float:
    """Negative log-likelihood: mean of -log p_y. Takes log-probabilities (N, K). Oracle: sklearn.metrics.log_loss."""
    return -mean(log_p[np.arange(len(labels)), labels])


@dataclass(frozen=True, eq=False)
class Scores:
    """What each row got, all (N,): see kernels.contract.Kernels.score."""

    predictions: Integers
    negative_log_p: Array
    squared_distance: Array
    confidence: Array


def score(logits: Array, labels: Integers) -> Scores:
    """The scores of softmax(logits), for finite logits (N, K)."""
    logits, labels = np.ascontiguousarray(logits), np.ascontiguousarray(labels, np.int64)
    scores = Scores(np.empty(len(labels), np.int64), *np.empty((3, len(labels)), logits.dtype))
    kernels.current().score(logits, labels, **vars(scores))
    return scores


def brier(squared_distance: Array) -> float:
    """Brier score: mean of sum_k (p_k - Y_k)^2, in [0, 2]. Takes these sums (N,).

    Source: Brier 1950. Oracle: sklearn.metrics.brier_score_loss(scale_by_half=False).
    """
    return mean(squared_distance)


def ece(confidence: Array, is_right: NDArray[np.bool_], bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: sum over bins (lo, hi] of share * |accuracy - mean confidence|.

    Confidence (N,) is max_k p_k, the bins are of equal width over [0, 1]. Correctness is decided by the logits,
    because rounding creates ties among probabilities.
    Source: Guo et al. 2017, On calibration of modern neural networks.
    """
    confidence = confidence.astype(np.float64)
    bin_of = np.ceil(confidence * bins).astype(np.intp) - 1
    np.minimum(bin_of, bins - 1, out=bin_of)  # float32 probabilities can pass 1 by a rounding
    gaps = np.bincount(bin_of, weights=is_right - confidence, minlength=bins)
    return float(np.abs(gaps).sum()) / len(confidence)
