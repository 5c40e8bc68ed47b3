"""The variance of a mean over folds, in a component of rows and one of models."""

import numpy as np
import pytest
from scipy import stats

from workers.evaluation.fold_variance import RowVariance, RowVariances
from workers.evaluation.influence import influences
from workers.evaluation.row_results import RowPredictions, RowResults


def test_the_interval_is_that_of_both_components_by_hand() -> None:
    values = [0.80, 0.84, 0.78, 0.90, 0.82]
    rows = RowVariance(of_mean=2e-4, of_fold=1e-3)
    excess = np.var(values, ddof=1) - 1e-3
    half_width = np.sqrt(
        stats.norm.ppf(0.975) ** 2 * 1.25 * 2e-4 + stats.t.ppf(0.975, 4) ** 2 * (1 / 5 + 1 / 4) * excess
    )
    found = rows.interval(values, evaluation_share=0.25)
    assert excess > 0
    assert (found.low, found.high) == pytest.approx(
        (np.mean(values) - half_width, np.mean(values) + half_width)
    )


def test_folds_that_differ_less_than_their_rows_explain_have_the_component_of_rows_alone() -> None:
    found = RowVariance(of_mean=2e-4, of_fold=1e-3).interval([0.8, 0.81, 0.8], evaluation_share=0.5)
    assert found.high - found.low == pytest.approx(2 * stats.norm.ppf(0.975) * np.sqrt(1.5 * 2e-4))


def model(right: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> RowResults:
    predicted = RowPredictions.of(np.where(right, labels, 1 - labels), None, None, 2)
    return RowResults.of(predicted, rows, labels, 2)


def test_further_repeats_measure_the_same_rows_again() -> None:
    """If all models agree on each row, repeats do not make the rows' component smaller; other opinions do."""
    generator = np.random.default_rng(0)
    labels, right = np.tile([0, 1], 60), generator.random(120) < 0.8
    variances = {}
    for name, repeats, flips in (("one", 1, 0.0), ("same", 4, 0.0), ("others", 4, 0.5)):
        added = RowVariances(120, 2)
        for _ in range(repeats):
            for rows in np.split(generator.permutation(120), 4):
                flipped = right[rows] ^ (generator.random(30) < flips)
                found = influences(model(flipped, labels[rows], rows), 2)
                added.add(rows, labels[rows], [found])
        variances[name] = added.of_metrics()["accuracy"].of_mean, added.of_classes()[1]
    share = right.mean()
    assert variances["one"][0] == pytest.approx(share * (1 - share) / 120, rel=0.1)
    assert variances["same"][0] == pytest.approx(variances["one"][0], rel=0.1)
    assert variances["others"][0] < 0.5 * variances["one"][0]
    recall, of_class = right[labels == 1].mean(), variances["one"][1]
    assert of_class is not None
    assert of_class.of_mean == pytest.approx(recall * (1 - recall) / 59, rel=0.25)


def test_seeds_of_a_fold_are_averaged_and_a_class_counts_the_folds_that_have_it() -> None:
    added, labels = RowVariances(6, 3), np.array([0, 0, 1, 1, 0, 0])
    for rows in (np.array([0, 1, 2, 3]), np.array([4, 5])):
        seeds = [
            model(right[: len(rows)], labels[rows], rows) for right in (np.array([1, 0, 1, 0]), np.ones(4))
        ]
        added.add(rows, labels[rows], [influences(each, 3) for each in seeds])
    first, second, third = added.of_classes()
    assert third is None
    assert first is not None
    assert second is not None
    # In each fold, seed by seed, two rows of a class: one is always right, the other in one of two seeds.
    assert first.of_fold == pytest.approx(2 * 2 * 0.125**2)
    assert second.of_fold == pytest.approx(2 * 2 * 0.125**2)
    assert second.of_mean == pytest.approx(second.of_fold)
