"""The corrected value of the best of many candidates, in simulations with a known truth."""

from typing import Any

import numpy as np
import pytest

from workers.evaluation.selection_bias import (
    Classified,
    CorrectedBest,
    MeasuredCandidates,
    Predicted,
    corrected_best,
)
from workers.evaluation.stacked_errors import StackedErrors
from workers.nn.arrays import Integers

CLASSES, ROWS, SHARE = 4, 120, 0.8


def predictions(
    generator: np.random.Generator, labels: Integers, *, seeds: int, share: float = SHARE, luck: float = 0.0
) -> Integers:
    """Predictions (S, N) that are right with this probability, give or take the luck of each seed."""
    of_seed = share + luck * generator.standard_normal((seeds, 1))
    right = generator.random((seeds, len(labels))) < of_seed
    wrong = (labels + generator.integers(1, CLASSES, right.shape)) % CLASSES
    found: Integers = np.where(right, labels, wrong)
    return found


def classified(of_candidates: list[Integers], labels: Integers) -> MeasuredCandidates:
    errors = StackedErrors.of(of_candidates, labels, CLASSES)
    return Classified(errors, labels, "accuracy", classes=CLASSES)


def corrected(*given: Any, **more: Any) -> CorrectedBest:
    found = corrected_best(*given, **more)
    assert found is not None
    return found


@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (3, 0.03)])
def test_the_corrected_value_of_the_best_of_equals_is_that_of_each(seeds: int, luck: float) -> None:
    generator, labels = np.random.default_rng(0), np.arange(ROWS) % CLASSES
    measured, unbiased, errors = [], [], []
    for _ in range(40):
        found = [predictions(generator, labels, seeds=seeds, luck=luck) for _ in range(20)]
        values = [float((each == labels).mean()) for each in found]
        best = int(np.argmax(values))
        each = corrected(
            classified(found, labels), best, generator, larger_is_better=True, stratify=True, draws=100
        )
        assert each.measured == pytest.approx(values[best])
        measured.append(each.measured - SHARE)
        unbiased.append(each.corrected - SHARE)
        errors.append(np.std(values))
    assert np.mean(measured) > 1.2 * np.mean(errors)
    assert abs(np.mean(unbiased)) < 0.5 * np.mean(errors)


def test_a_candidate_that_is_better_by_far_needs_no_correction() -> None:
    generator, labels = np.random.default_rng(0), np.arange(ROWS) % CLASSES
    found = [predictions(generator, labels, seeds=2, share=share) for share in (0.5, 0.95, 0.5)]
    each = corrected(classified(found, labels), 1, generator, larger_is_better=True, stratify=False)
    assert each.chosen == 1
    assert each.corrected == pytest.approx(each.measured, abs=0.01)
    assert each.interval.low <= each.corrected <= each.interval.high


def test_the_smallest_error_of_numbers_is_corrected_upwards() -> None:
    generator = np.random.default_rng(0)
    targets = generator.standard_normal(100)
    found = [targets + generator.standard_normal((2, 100)) for _ in range(15)]
    values = [float(np.sqrt(((each - targets) ** 2).mean(axis=1)).mean()) for each in found]
    best = int(np.argmin(values))
    candidates = Predicted(found, targets, np.zeros(100, np.int64), "rmse", classes=1, quantile=0.5)
    each = corrected(candidates, best, generator, larger_is_better=False, stratify=False, draws=200)
    assert each.measured == pytest.approx(values[best])
    assert each.corrected > each.measured
    assert each.corrected == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("metric", ["mae", "r2"])
def test_of_few_rows_only_draws_that_leave_some_out_correct_the_best(metric: str) -> None:
    targets = np.arange(3.0)
    found = [targets + np.random.default_rng(seed).standard_normal((1, 3)) for seed in range(4)]
    candidates = Predicted(found, targets, np.zeros(3, np.int64), metric, classes=1, quantile=0.5)
    each = corrected(candidates, 0, np.random.default_rng(0), larger_is_better=metric == "r2", stratify=False)
    assert np.isfinite([each.corrected, each.interval.low, each.interval.high]).all()


def test_classes_with_one_row_each_leave_none_out() -> None:
    labels: Integers = np.arange(4)
    candidates = classified([labels[None], labels[None, ::-1]], labels)
    stream = np.random.default_rng(0)
    assert corrected_best(candidates, 0, stream, larger_is_better=True, stratify=True) is None
