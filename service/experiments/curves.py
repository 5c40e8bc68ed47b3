"""Compute the curves, the areas and the reliability bins of runs from their row-level results."""

import math
from collections.abc import Iterator

from service.experiments.scored_runs import ScoredRun, ScoredRuns
from service.schemas.base import bounds
from service.schemas.curves import (
    CurveRow,
    Curves,
    CurveSummary,
    Reliability,
    ReliabilityRow,
    ReliabilitySummary,
)
from workers.evaluation.calibration import CALIBRATION_BINS, calibration_error, reliability
from workers.evaluation.delong import delong
from workers.evaluation.ranking import auroc, average_precision
from workers.evaluation.score_curves import curve
from workers.evaluation.two_classes import positive_class, positive_scores


def curves_of(found: ScoredRuns, positive: int | None, points: int) -> Curves:
    """positive: the index of the positive class; None for the rarer one in training."""
    plan = found.experiment.plan
    if positive is None:
        positive = positive_class(plan["split_counts"]["train"])
    names = plan["dataset"]["classes"]
    return Curves(
        positive=names[positive],
        negative=names[1 - positive],
        runs=[_summary(run, positive) for run in found.runs],
        items=[row for run in found.runs for row in _points(run, positive, points)],
    )


def reliability_of(found: ScoredRuns) -> Reliability:
    """The bins behind the ECE of each run."""
    return Reliability(
        runs=[_calibration(run) for run in found.runs],
        items=[row for run in found.runs for row in _bins(run)],
    )


def _summary(run: ScoredRun, positive: int) -> CurveSummary:
    scores, is_positive = positive_scores(run.labels, run.score, positive)
    covariance = delong(scores[None], is_positive)
    low, high = bounds(covariance.interval() if covariance else None)
    return CurveSummary(
        **run.fields,
        rows=len(scores),
        positive_share=float(is_positive.mean()),
        auroc=auroc(scores, is_positive),
        auroc_low=low,
        auroc_high=high,
        average_precision=average_precision(scores, is_positive),
    )


def _points(run: ScoredRun, positive: int, points: int) -> Iterator[CurveRow]:
    for point in curve(*positive_scores(run.labels, run.score, positive), points) or ():
        yield CurveRow(
            **run.key._asdict(),
            threshold=point.threshold,
            recall=point.true_positive_rate,
            false_positive_rate=point.false_positive_rate,
            precision=point.precision,
        )


def _calibration(run: ScoredRun) -> ReliabilitySummary:
    error = calibration_error(run.confidence, run.is_right)
    return ReliabilitySummary(**run.fields, rows=len(run.labels), ece=error)


def _bins(run: ScoredRun) -> Iterator[ReliabilityRow]:
    bins = reliability(run.confidence, run.is_right)
    columns = (bins.rows.tolist(), bins.confidence.tolist(), bins.accuracy.tolist())
    for index, (rows, confidence, accuracy) in enumerate(zip(*columns, strict=True)):
        yield ReliabilityRow(
            **run.key._asdict(),
            low=index / CALIBRATION_BINS,
            high=(index + 1) / CALIBRATION_BINS,
            rows=rows,
            confidence=None if math.isnan(confidence) else confidence,
            accuracy=None if math.isnan(accuracy) else accuracy,
        )
