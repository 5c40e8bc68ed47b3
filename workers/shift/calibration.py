"""Calibrates probabilities on validation rows: EM trusts them, and networks are often too sure of themselves."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.shift.detection import Floats

SMALLEST = 1e-30


def fit_calibration(probabilities: Array, labels: Integers) -> tuple[float, Floats]:
    """The t and the b (K,) that maximise the likelihood of softmax(t log p + b) on labelled rows (m, K).

    Source: Alexandari, Kundaje & Shrikumar 2020, Maximum likelihood with bias-corrected calibration is hard-to-beat
    at label shift adaptation.
    """
    from scipy.optimize import minimize

    logs = _logs(probabilities)
    rows, classes = np.arange(len(labels)), logs.shape[1]

    def loss(theta: Floats) -> tuple[float, Floats]:
        scores = theta[0] * logs + theta[1:]
        p = _softmax(scores)
        likelihood = np.maximum(p[rows, labels], SMALLEST)
        p[rows, labels] -= 1
        gradient = np.concatenate([[np.einsum("ij,ij->", p, logs)], p.sum(axis=0)]) / len(rows)
        ridge = 1e-4 * (theta[1:] @ theta[1:])
        gradient[1:] += 2e-4 * theta[1:]
        return float(-np.log(likelihood).mean() + ridge), gradient

    start = np.concatenate([[1.0], np.zeros(classes)])
    bounds = [(0.01, 10.0), *[(-10.0, 10.0)] * classes]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    return float(found.x[0]), np.asarray(found.x[1:])


def calibrated(probabilities: Array, temperature: float, biases: Floats) -> Floats:
    """The probabilities (n, K) with a fitted calibration."""
    return _softmax(temperature * _logs(probabilities) + biases)


def _logs(probabilities: Array) -> Floats:
    logs: Floats = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    return logs


def _softmax(scores: Floats) -> Floats:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return shares
