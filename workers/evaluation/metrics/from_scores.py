"""Metrics of the predicted probabilities: what softmax(logits) says of each row."""

import math

from workers.evaluation.calibration import calibration_error, error_of_gaps
from workers.evaluation.metrics.metric import NO_PROBABILITIES, metric
from workers.evaluation.per_row import RowScores
from workers.nn.arrays import mean


@metric(direction="min", highest=math.inf, null_if=NO_PROBABILITIES)
def nll(rows: RowScores) -> float:
    """Negative log-likelihood: mean of -log p_y. Oracle: sklearn.metrics.log_loss.

    When: if probabilities are used, and being sure and wrong is the worst.
    """
    return rows.nll


@metric(direction="min", highest=2.0, null_if=NO_PROBABILITIES)
def brier(rows: RowScores) -> float:
    """Brier score: mean of sum_k (p_k - Y_k)^2, in [0, 2].

    When: if probabilities are used, and being sure and wrong counts less than in nll.
    Source: Brier 1950. Oracle: sklearn.metrics.brier_score_loss(scale_by_half=False).
    """
    return mean(rows.squared_distance)


@metric(
    direction="min",
    null_if=NO_PROBABILITIES,
    selects_nothing="a network that has learnt nothing is well calibrated, so the untrained epochs win; use nll or "
    "brier, which reward calibration and accuracy together",
    without_interval="the noise of each bin adds to it, so it is larger on few rows than on many",
)
def ece(rows: RowScores) -> float:
    """Expected calibration error: sum over bins (lo, hi] of share * |accuracy - mean confidence|.

    Confidence (N,) is max_k p_k, the bins are of equal width over [0, 1]. Correctness is decided by the logits,
    because rounding creates ties among probabilities.
    When: beside another metric, to see whether confidence can be believed.
    Source: Guo et al. 2017, On calibration of modern neural networks.
    """
    if rows.gaps is not None:
        return error_of_gaps(rows.gaps, len(rows.labels))
    return calibration_error(rows.confidence, rows.is_right)


FROM_SCORES = (nll, brier, ece)
