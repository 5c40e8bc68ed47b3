"""Label shift: how often each class comes in a batch without labels, and what the model is worth there.

It holds if only the frequencies of the classes changed, and the rows within each class are as before.
"""

from dataclasses import dataclass

import numpy as np

from workers.evaluation.confusion import Confusion
from workers.evaluation.intervals import LEVEL, Interval
from workers.nn.arrays import Array, Integers
from workers.shift.detection import Floats

MOST_CONDITION = 30.0
"""Of the confusion matrix: beyond it, the noise of the batch counts times this is larger than what is estimated."""
RESAMPLES = 500
EM_STEPS = 2000
EM_TOLERANCE = 1e-9


class IllConditioned(ArithmeticError):
    """The confusion matrix cannot be inverted reliably. `condition` is its condition number, inf if singular."""

    def __init__(self, condition: float) -> None:
        self.condition = condition
        super().__init__(f"the confusion matrix has the condition number {condition:.3g}")


@dataclass(frozen=True)
class BlackBoxEstimate:
    """The shares of the classes (K,) in the batch, their intervals, and the condition of the confusion matrix."""

    prior: Floats
    intervals: list[Interval]
    condition: float


def black_box(confusion: Confusion, predicted: Integers, stream: np.random.Generator) -> BlackBoxEstimate:
    """BBSE: the prior q with C q = mu, C_ij = share of class j that is predicted as i, mu the predicted shares.

    Negative shares become 0. The intervals are percentiles over draws of both counts. Raises IllConditioned.

    Source: Lipton, Wang & Smola 2018, Detecting and correcting for label shift with black box predictors.
    """
    counts = np.bincount(predicted, minlength=len(confusion))
    support = confusion.sum(axis=1)
    if not support.all():
        raise IllConditioned(np.inf)
    conditional = confusion / support[:, None]
    condition = float(np.linalg.cond(conditional))
    if condition > MOST_CONDITION:
        raise IllConditioned(condition)
    prior = _solve(conditional, counts / len(predicted))
    drawn = _draws(conditional, support, counts, stream)
    edges = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return BlackBoxEstimate(prior, [Interval(low, high, LEVEL) for low, high in edges.T.tolist()], condition)


def _solve(conditional: Floats, shares: Floats) -> Floats:
    solved: Floats = np.linalg.solve(conditional.T, shares).astype(np.float64)
    return on_simplex(solved)


def on_simplex(values: Floats) -> Floats:
    """Without the negative ones, and with the sum 1."""
    clipped = np.maximum(values, 0)
    scaled: Floats = clipped / clipped.sum()
    return scaled


def _draws(conditional: Floats, support: Integers, counts: Integers, stream: np.random.Generator) -> Floats:
    """Estimates (R, K) from counts that are drawn as those of validation rows and batch were."""
    n = int(counts.sum())
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.array(
            [stream.multinomial(k, shares) / k for k, shares in zip(support, conditional, strict=True)]
        )
        try:
            drawn.append(_solve(rows, stream.multinomial(n, counts / n) / n))
        except np.linalg.LinAlgError:  # a draw in which two classes are predicted alike
            drawn.append(np.full(len(counts), np.nan))
    found = np.array(drawn)
    return found[~np.isnan(found).any(axis=1)]


def expectation_maximisation(probabilities: Array, prior: Floats) -> Floats:
    """EM: q = mean over the batch of p_k(x) q_k / prior_k, normalised for each row; from q = prior on.

    probabilities: (n, K), calibrated for rows whose classes have the shares `prior` (K,). It maximises the likelihood
    of the batch.

    Source: Saerens, Latinne & Decaestecker 2002, Adjusting the outputs of a classifier to new a priori probabilities.
    """
    likelihood = probabilities.astype(np.float64) / np.maximum(prior, 1e-12)
    q = prior.copy()
    for _ in range(EM_STEPS):
        joint = likelihood * q
        updated = (joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)).mean(axis=0)
        change, q = float(np.abs(updated - q).sum()), updated
        if change < EM_TOLERANCE:
            break
    return on_simplex(q)


def reweighted(probabilities: Array, weights: Floats) -> Integers:
    """The predictions (n,) for a prior: the largest p_k w_k, with the weights (K,) new share / old share."""
    predictions: Integers = (probabilities * weights).argmax(axis=1)
    return predictions


@dataclass(frozen=True)
class Expected:
    """What the validation rows promise under another prior: the recalls stay, their weights change."""

    accuracy: float
    balanced_accuracy: float


def expected_under(confusion: Confusion, prior: Floats) -> Expected:
    """Accuracy sum_k q_k recall_k, and balanced accuracy, which the prior does not change; classes without rows are
    left out.
    """
    support = confusion.sum(axis=1)
    there = support > 0
    recalls = np.diagonal(confusion)[there] / support[there]
    shares = prior[there] / max(prior[there].sum(), 1e-300)
    return Expected(float(recalls @ shares), float(recalls.mean()))
