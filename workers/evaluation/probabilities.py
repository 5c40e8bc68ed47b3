"""What predicted probabilities are worth: negative log-likelihood, Brier score, calibration error."""

import numpy as np

from workers.nn.arrays import Array, Integers

CALIBRATION_BINS = 15


def nll(log_p: Array, labels: Integers) -> float:
    """Mean of -log p_y, for log-probabilities (N, K). Oracle: sklearn.metrics.log_loss."""
    return -float(log_p[np.arange(len(labels)), labels].mean(dtype=np.float64))


def brier(p: Array, labels: Integers) -> float:
    """Mean of sum_k (p_k - Y_k)^2, in [0, 2], for probabilities (N, K).

    Source: Brier 1950. Oracle: sklearn.metrics.brier_score_loss(scale_by_half=False).
    """
    residual = p.copy(order="K")
    residual[np.arange(len(labels)), labels] -= 1
    residual *= residual
    return float(residual.sum(dtype=np.float64)) / len(labels)


def ece(p: Array, labels: Integers, predictions: Integers, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: sum over bins (lo, hi] of share * |accuracy - mean confidence|.

    Confidence is max_k p_k, the bins are of equal width over [0, 1]. Predictions (N,) are given, not p's
    argmax: rounding makes ties among probabilities that are none among logits.
    Source: Guo et al. 2017, On calibration of modern neural networks.
    """
    confidence = p.max(axis=1).astype(np.float64)
    bin_of = np.ceil(confidence * bins).astype(np.intp) - 1
    np.minimum(bin_of, bins - 1, out=bin_of)  # float32 probabilities can pass 1 by a rounding
    gaps = np.bincount(bin_of, weights=(predictions == labels) - confidence, minlength=bins)
    return float(np.abs(gaps).sum()) / len(labels)
