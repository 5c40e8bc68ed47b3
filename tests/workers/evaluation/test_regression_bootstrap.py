"""The bootstrap of regressions: against scikit-learn's weighted metrics draw by draw, and how often it covers."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from benchmarks.simulation.numbers import DESIGNS, FIGURES, draw
from workers.evaluation.regression_bootstrap import NUMBER_METRICS, bootstrap_numbers, resample_numbers

ROWS, SEEDS, BINS, DRAWS = 40, 3, 4, 30
ORACLES = {
    "rmse": root_mean_squared_error,
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
    "median_absolute_error": median_absolute_error,
    "r2": r2_score,
    "pinball": lambda y, z, sample_weight: mean_pinball_loss(y, z, sample_weight=sample_weight, alpha=0.8),
}
STREAM = np.random.default_rng(3)
TARGETS = STREAM.gamma(2, 10, ROWS)
MODELS = TARGETS + STREAM.standard_t(3, (SEEDS, ROWS)) + np.array([[0.0], [1.0], [-0.5]])
BIN_OF = np.argsort(np.argsort(TARGETS)) * BINS // ROWS
COUNTS = np.array([30, 20, 30, 40])


def weights(generator: np.random.Generator) -> NDArray[np.float64]:
    """Rubin's weights of the rows, with the frequencies of the bins drawn for themselves: the same random numbers."""
    exponential = generator.standard_exponential((DRAWS, ROWS))
    frequencies = generator.standard_gamma(COUNTS.astype(float), size=(DRAWS, BINS))
    for k in range(BINS):
        inside = k == BIN_OF
        exponential[:, inside] *= (frequencies[:, k] / exponential[:, inside].sum(axis=1))[:, None]
    return exponential


@pytest.mark.parametrize("metric", NUMBER_METRICS)
def test_each_draw_is_the_weighted_metric_of_scikit_learn(metric: str) -> None:
    drawn = weights(np.random.default_rng(7))
    (found,) = resample_numbers(
        [MODELS],
        *(TARGETS, BIN_OF, metric, np.random.default_rng(7)),
        count=BINS,
        bin_counts=COUNTS,
        quantiles=[0.8],
        resamples=DRAWS,
    )
    oracle = ORACLES[metric]
    expected = [[oracle(TARGETS, model, sample_weight=row) for model in MODELS] for row in drawn]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_intervals_are_percentiles_over_drawn_rows_and_student_s_t_over_seeds() -> None:
    stats = pytest.importorskip("scipy.stats")
    stream = np.random.default_rng(7)
    found = bootstrap_numbers(
        *(MODELS, TARGETS, BIN_OF, stream),
        count=BINS,
        bin_counts=COUNTS,
        quantile=0.8,
        resamples=DRAWS,
        level=0.8,
    )
    drawn, rows = weights(np.random.default_rng(7)), len(TARGETS)
    stretch = np.sqrt((rows + 1) / (rows - 1)) * stats.t.ppf(0.9, rows - 1) / stats.norm.ppf(0.9)
    for metric, oracle in ORACLES.items():
        values = np.array([[oracle(TARGETS, model, sample_weight=row) for model in MODELS] for row in drawn])
        observed = np.array([oracle(TARGETS, model, sample_weight=None) for model in MODELS])
        of_seeds = stats.t.ppf(0.9, SEEDS - 1) * stats.sem(observed)
        mean = observed.mean()
        low, high = mean + stretch * (np.quantile(values.mean(axis=1), [0.1, 0.9]) - mean)
        assert found[metric].value == pytest.approx(mean)
        ends = mean - np.hypot(max(mean - low, 0), of_seeds), mean + np.hypot(max(high - mean, 0), of_seeds)
        least = -np.inf if metric == "r2" else 0
        assert found[metric].interval.low == pytest.approx(max(ends[0], least))
        assert found[metric].interval.high == pytest.approx(min(ends[1], 1) if metric == "r2" else ends[1])
    of_bin = BIN_OF == 2
    errors = np.abs(MODELS - TARGETS)[:, of_bin]
    assert found["bin_2"].value == pytest.approx(errors.mean())


def test_without_new_seeds_the_interval_is_that_of_the_mean_of_these_models() -> None:
    offset = TARGETS + np.array([[1.0], [9.0]])
    for new_seeds, wide in ((True, 4.0), (False, 0.0)):
        found = bootstrap_numbers(
            *(offset, TARGETS, BIN_OF, np.random.default_rng(0)), count=BINS, new_seeds=new_seeds
        )["mae"]
        assert (found.value, found.seeds) == (5, new_seeds)
        assert found.interval.high - found.interval.low >= wide
        assert wide or found.interval.high == pytest.approx(found.interval.low)


@pytest.mark.thorough
def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """40 draws of one design: 38 are expected, and fewer than 33 have a probability below 1 %."""
    design = next(each for each in DESIGNS if each.rows == 300)
    found = [covered for number in range(40) for covered in draw(design, number)]
    for figure in FIGURES:
        assert sum(each.covered for each in found if each.figure == figure) >= 33, figure
