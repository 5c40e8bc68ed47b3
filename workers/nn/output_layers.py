"""Output layers: functions that turn logits into predictions, such as softmax."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from workers.nn.arrays import Array

Output = Literal["linear", "sigmoid", "softmax", "cosine"]
"""`cosine` is a softmax of scaled cosine similarities: only the layer that computes the logits differs."""


def log_softmax(logits: Array) -> Array:
    """log p, (N, K): z - logsumexp(z), with the row maximum subtracted first so that nothing overflows."""
    shifted: Array = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def softmax(logits: Array) -> Array:
    """The probabilities p (N, K) of logits (N, K). Each row sums to 1."""
    p: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def sigmoid(z: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-z)), elementwise, without overflow at either end; `out` may be z itself."""
    from scipy.special import expit

    a: Array = expit(z, out=out)
    return a


def log_sigmoid(z: Array) -> Array:
    """log(1 / (1 + exp(-z))), elementwise. It still differs for large z whose sigmoids round to 1."""
    from scipy.special import log_expit

    log_a: Array = log_expit(z)
    return log_a


def predict(logits: Array, output: Output) -> tuple[Array, Callable[[Array], Array]]:
    """The predictions (N, K) of an output layer, and its backward function, from dL/dpredictions to dL/dlogits."""
    if output == "linear":
        return logits, lambda dz: dz
    if output == "sigmoid":
        a = sigmoid(logits)
        return a, lambda da: da * a * (1 - a)
    p = softmax(logits)
    return p, lambda dp: p * (dp - (dp * p).sum(axis=1, keepdims=True))


def is_distribution(output: Output) -> bool:
    """Whether the predictions of an output layer are probabilities that sum to 1."""
    return output in ("softmax", "cosine")
