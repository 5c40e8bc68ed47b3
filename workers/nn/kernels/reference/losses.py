"""Losses on a softmax: value, gradient and weighting."""

import numpy as np

from workers.nn.arrays import Array, Integers, drop_negligible


def cross_entropy(
    logits: Array,
    labels: Integers,
    offsets: Array,
    weights: Array,
    smoothing: float,
    scale: float,
    losses: Array,
    gradient: Array,
) -> float:
    rows, factors = np.arange(len(labels)), weights[labels]
    shifted = np.add(logits, offsets, out=gradient)
    shifted -= shifted.max(axis=1, keepdims=True)  # so that nothing overflows
    target = (1 - smoothing) * shifted[rows, labels]
    if smoothing:
        target += smoothing * shifted.mean(axis=1)
    exponentials = np.exp(shifted, out=gradient)
    total = exponentials.sum(axis=1)
    np.subtract(np.log(total), target, out=losses)

    factors *= scale
    losses *= factors
    gradient *= (factors / total)[:, np.newaxis]
    gradient[rows, labels] -= (1 - smoothing) * factors
    if smoothing:
        gradient -= (smoothing / logits.shape[1] * factors)[:, np.newaxis]
    drop_negligible(gradient)
    return float(losses.sum())


def focal(
    logits: Array,
    labels: Integers,
    weights: Array,
    gamma: float,
    scale: float,
    losses: Array,
    gradient: Array,
) -> float:
    rows = np.arange(len(labels))
    others = np.subtract(logits, logits.max(axis=1, keepdims=True), out=gradient)
    shifted_y = others[rows, labels]
    np.exp(others, out=others)
    total = others.sum(axis=1)
    # q is summed over the other classes: 1 - p_y would cancel if p_y is close to 1
    others[rows, labels] = 0
    others /= total[:, np.newaxis]
    q = others.sum(axis=1)
    log_p_y = np.where(q < 0.5, np.log1p(-np.minimum(q, 0.5)), shifted_y - np.log(total))
    r = np.divide(log_p_y, q, out=np.full_like(q, -1), where=q > 0)

    factor = q**gamma
    factor *= weights[labels]
    factor *= scale
    gradient[rows, labels] = -q
    gradient *= (factor * (1 - gamma * np.exp(log_p_y) * r))[:, np.newaxis]
    np.multiply(-factor, log_p_y, out=losses)
    drop_negligible(gradient)
    return float(losses.sum())
