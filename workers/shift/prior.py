"""The prior of a batch without labels, by two estimates, and what the model is worth under it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.evaluation.confusion import Confusion, confusion_matrix
from workers.nn.arrays import Array, Integers
from workers.shift.calibration import calibrated, fit_calibration
from workers.shift.detection import Floats
from workers.shift.label_shift import (
    BlackBoxEstimate,
    Expected,
    IllConditioned,
    black_box,
    expectation_maximisation,
    expected_under,
    reweighted,
)
from workers.shift.rows import Reference, ScoredRows


@dataclass(frozen=True)
class Reweighting:
    """Predictions whose probabilities are weighted, to other shares of the classes.

    predicted: (n,), of the batch. changed: rows whose prediction changes. expected: what validation promises for them
    under the estimated prior.
    """

    predicted: Integers
    changed: int
    expected: Expected


@dataclass(frozen=True)
class PriorEstimate:
    """before: the shares of the classes (K,) in validation. black_box is None, and `condition` says why, if the
    confusion matrix is ill-conditioned; em is None without probabilities. expected: what validation promises under
    the estimate, which is EM's, or else BBSE's; None without either. reweighting: by new share / old share, for the
    highest accuracy under the estimate. equalising: by 1 / old share, for the highest balanced accuracy under any.
    """

    before: Floats
    black_box: BlackBoxEstimate | None
    condition: float
    em: Floats | None
    expected: Expected | None
    reweighting: Reweighting | None
    equalising: Reweighting | None


def estimate_prior(reference: Reference, batch: ScoredRows, stream: np.random.Generator) -> PriorEstimate:
    """Estimate how often each class comes in the batch, if nothing but that has changed."""
    known = reference.rows
    labels = _labels(known)
    classes = len(reference.classes)
    confusion = confusion_matrix(labels, known.predicted, classes)
    before = np.bincount(labels, minlength=classes) / len(labels)
    estimate, condition = _black_box(confusion, batch.predicted, stream)
    if not reference.is_distribution:
        prior = None if estimate is None else estimate.prior
        expected = None if prior is None else expected_under(confusion, prior)
        return PriorEstimate(before, estimate, condition, None, expected, None, None)
    fitted = fit_calibration(known.outputs, labels)
    probabilities = [calibrated(rows.outputs, *fitted) for rows in (known, batch)]
    source = probabilities[0].mean(axis=0)
    em = expectation_maximisation(probabilities[1], source)
    reweighting, equalising = (
        _reweighting(probabilities, new, source, em, known, batch) for new in (em, np.ones_like(em))
    )
    return PriorEstimate(
        before, estimate, condition, em, expected_under(confusion, em), reweighting, equalising
    )


def _reweighting(
    probabilities: Sequence[Array],
    new: Floats,
    old: Floats,
    prior: Floats,
    known: ScoredRows,
    batch: ScoredRows,
) -> Reweighting:
    """Weight probabilities of validation rows and batch by new / old (K,). prior: what the batch is taken to have."""
    weights = np.divide(new, old, out=np.zeros_like(new), where=old > 0)
    validated, predicted = (reweighted(each, weights) for each in probabilities)
    promised = expected_under(confusion_matrix(_labels(known), validated, len(old)), prior)
    return Reweighting(predicted, int((predicted != batch.predicted).sum()), promised)


def _labels(rows: ScoredRows) -> Integers:
    assert rows.labels is not None  # noqa: S101 -- validation rows have labels
    return rows.labels


def _black_box(
    confusion: Confusion, predicted: Integers, stream: np.random.Generator
) -> tuple[BlackBoxEstimate | None, float]:
    try:
        estimate = black_box(confusion, predicted, stream)
    except IllConditioned as error:
        return None, error.condition
    return estimate, estimate.condition
