"""Importances over runs and repeats: what they average, and how often their intervals cover."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from workers.data.feature_groups import FeatureGroup
from workers.importance import Importances, MeasuredRows, importances

GROUPS = [FeatureGroup("x", "number", (0,)), FeatureGroup("noise", "number", (1,))]


class Guess:
    """A model that says whether the first feature is positive; its accuracy."""

    def __init__(self, labels: Any, bias: float = 0.0) -> None:
        self.labels, self.bias = labels, bias

    def __call__(self, features: Any, parts: Sequence[Any]) -> Any:
        right = (features[:, 0] > self.bias) == self.labels
        return np.array([right.mean(), *(right[rows].mean() for rows in parts)])


def rows(seed: int, n: int = 300, biases: Sequence[float] = (0.0,)) -> MeasuredRows:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n, 2))
    labels = (features[:, 0] + generator.normal(0, 0.5, n) > 0).astype(int)
    return MeasuredRows(features, labels, [Guess(labels, bias) for bias in biases])


def measured(folds: list[MeasuredRows], repeats: int = 5) -> Importances:
    return importances(folds, GROUPS, repeats=repeats, larger_is_better=True, evaluation_share=0.25)


def test_a_column_that_is_not_read_costs_nothing() -> None:
    found = measured([rows(0)])
    assert found.mean[1] == found.low[1] == found.high[1] == 0
    assert 0.25 < found.low[0] < found.mean[0] < found.high[0] < 0.5
    assert np.isnan(found.run_sd).all()
    assert found.repeat_sd[0] > 0


def test_a_smaller_metric_that_rises_is_a_loss_too() -> None:
    fold = rows(0)
    wrong = [lambda features, parts, score=score: 1 - score(features, parts) for score in fold.scores]
    turned = importances(
        [MeasuredRows(fold.features, fold.labels, wrong)],
        GROUPS,
        repeats=5,
        larger_is_better=False,
        evaluation_share=0.25,
    )
    expected = measured([fold])
    np.testing.assert_allclose(turned.mean, expected.mean)
    np.testing.assert_allclose(turned.low, expected.low)
    np.testing.assert_allclose(turned.scores, [1 - score for score in expected.scores])


@pytest.mark.thorough
def test_intervals_cover_the_importance_on_all_rows() -> None:
    """The truth is that of 400,000 rows. 300 samples of 300 rows: a 95 % interval covers 92.5 to 97.5 % of them."""
    truth = measured([rows(10**6, 400_000)], repeats=1).mean[0]
    found = [measured([rows(seed)]) for seed in range(300)]
    share = np.mean([each.low[0] <= truth <= each.high[0] for each in found])
    sys.stdout.write(f"coverage of the importance's interval: {share:.3f}\n")
    assert 0.915 <= share <= 0.98


def test_runs_differ_and_folds_have_the_corrected_interval() -> None:
    of_seeds = measured([rows(0, biases=(0.0, 0.3, -0.3))])
    assert of_seeds.run_sd[0] > 0.005
    assert len(of_seeds.scores) == 3
    of_folds = measured([rows(seed, 60) for seed in range(5)])
    centre = (of_folds.low[0] + of_folds.high[0]) / 2
    assert centre == pytest.approx(of_folds.mean[0])
    half = 2.776445 * of_folds.run_sd[0] * np.sqrt(1 / 5 + 0.25)
    assert of_folds.high[0] - centre == pytest.approx(half, rel=1e-5)
