"""A batch of a regression with targets: its absolute errors beside those of the validation rows."""

import math
from dataclasses import dataclass

import numpy as np

from workers.evaluation.intervals import LEVEL, Interval, normal_quantile
from workers.shift import kolmogorov_smirnov
from workers.shift.detection import Floats
from workers.shift.rows import ScoredRows


@dataclass(frozen=True)
class ErrorChange:
    """Mean absolute error and mean residual (prediction minus target), before and after, in the unit of the target.

    interval: of the difference of the mean absolute errors (Welch). p_value: of equally distributed residuals, by
    Kolmogorov-Smirnov. rows: how many of the batch have a target. smallest_increase: of the mean absolute error, that
    the interval would exclude 0 for in 80 % of such batches.
    """

    before: float
    after: float
    difference: float
    interval: Interval | None
    bias_before: float
    bias_after: float
    p_value: float
    rows: int
    smallest_increase: float | None


def compare_errors(reference: ScoredRows, batch: ScoredRows) -> ErrorChange | None:
    """None if the batch has no targets."""
    if batch.targets is None or reference.targets is None:
        return None
    residuals: list[Floats] = [
        reference.outputs[:, 0] - reference.targets,
        batch.outputs[:, 0] - batch.targets,
    ]
    errors = [np.abs(each) for each in residuals]
    before, after = (float(each.mean()) for each in errors)
    error = _standard_error(errors)
    distance = kolmogorov_smirnov.distances(residuals[0][:, None], residuals[1][:, None])
    p_value = float(kolmogorov_smirnov.p_values(distance, len(reference), len(batch))[0])
    z = normal_quantile((1 + LEVEL) / 2)
    interval = (
        None if error is None else Interval(after - before - z * error, after - before + z * error, LEVEL)
    )
    smallest = None if error is None else (z + normal_quantile(0.8)) * error
    return ErrorChange(
        before,
        after,
        after - before,
        interval,
        bias_before=float(residuals[0].mean()),
        bias_after=float(residuals[1].mean()),
        p_value=p_value,
        rows=len(batch),
        smallest_increase=smallest,
    )


def _standard_error(errors: list[Floats]) -> float | None:
    if min(map(len, errors)) < 2:
        return None
    return math.sqrt(sum(float(each.var(ddof=1)) / len(each) for each in errors))
