"""The report on a batch: the detectors, the features that moved, the prior, and with labels the accuracy."""

from dataclasses import dataclass

import numpy as np

from workers.evaluation.confusion import confusion_matrix
from workers.nn.arrays import Integers
from workers.shift.detection import ALPHA, Detection
from workers.shift.feature_move import FeatureMove
from workers.shift.features import compare_features
from workers.shift.kernel_sample import KernelSample
from workers.shift.labelled import Recalls, compare_accuracy, smallest_drop
from workers.shift.mmd import compare_means
from workers.shift.predictions import compare_classes, compare_outputs
from workers.shift.prior import PriorEstimate, estimate_prior
from workers.shift.residuals import ErrorChange, compare_errors
from workers.shift.rows import Reference, ScoredRows
from workers.shift.two_sample_classifier import compare_by_classifier


@dataclass(frozen=True)
class Labelled:
    """What labels add. unknown: rows with a class that the model does not know, which it cannot get right; they are
    counted as wrong in `measured.accuracy`. reweighted, equalised: the same for predictions that are
    weighted to the estimated prior, and to equal shares. smallest_drop: of the accuracy, which so many labels would
    show in 80 %.
    """

    rows: int
    unknown: int
    measured: Recalls
    reweighted: Recalls | None
    equalised: Recalls | None
    smallest_drop: float | None


@dataclass(frozen=True)
class ShiftReport:
    """detections: each at 5 % for itself. features: all of them, the largest move first. prior, labelled: of a
    classification; errors: of a regression with targets.
    """

    detections: list[Detection]
    features: list[FeatureMove]
    prior: PriorEstimate | None
    labelled: Labelled | None
    errors: ErrorChange | None

    @property
    def p_value(self) -> float:
        """Of no shift by any detector: the smallest p-value, corrected for the number of detectors."""
        return min(1.0, len(self.detections) * min(each.p_value for each in self.detections))

    @property
    def has_shifted(self) -> bool:
        """Whether the detectors together say so, at 5 %."""
        return self.p_value <= ALPHA


def detect_all(reference: Reference, batch: ScoredRows, stream: np.random.Generator) -> list[Detection]:
    """Every detector, without what the report says besides."""
    detections, _ = _detections_and_moves(reference, batch, stream)
    return detections


def compare(reference: Reference, batch: ScoredRows, stream: np.random.Generator) -> ShiftReport:
    """Compare a batch with the validation rows."""
    detections, moves = _detections_and_moves(reference, batch, stream)
    if reference.is_regression:
        return ShiftReport(detections, moves, None, None, compare_errors(reference.rows, batch))
    prior = estimate_prior(reference, batch, stream)
    return ShiftReport(detections, moves, prior, _labelled(reference, batch, prior), None)


def detect(reference: Reference, batch: ScoredRows, stream: np.random.Generator) -> list[Detection]:
    """The detectors of a whole batch: by outputs, predicted classes, kernel means, and a classifier."""
    known = reference.rows
    sample = KernelSample.of(known.sample, batch.sample)
    found = [compare_outputs(known.outputs, batch.outputs)]
    if not reference.is_regression:
        found.append(compare_classes(known.predicted, batch.predicted, len(reference.classes), stream))
    by_classifier = compare_by_classifier(known.units, batch.units, stream)
    return [*found, compare_means(sample, stream), by_classifier]


def _detections_and_moves(
    reference: Reference, batch: ScoredRows, stream: np.random.Generator
) -> tuple[list[Detection], list[FeatureMove]]:
    moves, by_features = compare_features(
        reference.rows.features, batch.features, reference.columns, stream, reference.offset
    )
    return [*detect(reference, batch, stream), by_features], moves


def _labelled(reference: Reference, batch: ScoredRows, prior: PriorEstimate) -> Labelled | None:
    known, labels = reference.rows, batch.labels
    if labels is None or known.labels is None:
        return None
    classes, usable = len(reference.classes), labels >= 0
    before = confusion_matrix(known.labels, known.predicted, classes)
    unknown = len(labels) - int(usable.sum())

    def measured(predicted: Integers) -> Recalls:
        after = confusion_matrix(labels[usable], predicted[usable], classes)
        return compare_accuracy(before, after, unknown)

    weighted = prior.reweighting, prior.equalising
    moved, equalised = (None if each is None else measured(each.predicted) for each in weighted)
    drop = smallest_drop(int(np.trace(before)), len(known), len(labels))
    return Labelled(len(labels), unknown, measured(batch.predicted), moved, equalised, drop)
