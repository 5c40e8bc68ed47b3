import math
from collections.abc import Callable
from dataclasses import astuple
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.evaluation.delong import delong, midranks
from workers.evaluation.ranking import auroc, average_precision, macro
from workers.evaluation.score_curves import CURVE_POINTS, curve

Scored = tuple[NDArray[np.float64], NDArray[np.bool_]]
Make = Callable[[], Scored]


def sample(rows: int, *, share: float, decimals: int | None, seed: int = 3) -> Scored:
    """Scores that know something of the class; rounded, they tie."""
    generator = np.random.default_rng(seed)
    positive = generator.random(rows) < share
    positive[:2] = [True, False]
    scores = generator.standard_normal(rows) + positive
    return (scores if decimals is None else scores.round(decimals)), positive


CASES = {
    "balanced": sample(400, share=0.5, decimals=None),
    "rare": sample(900, share=0.01, decimals=None),
    "ties": sample(400, share=0.3, decimals=0),
    "one score": (np.zeros(20), np.arange(20) < 6),
    "two rows": (np.array([0.1, 0.2]), np.array([True, False])),
    "perfect": (np.arange(10.0), np.arange(10) >= 7),
}
of_every_case = pytest.mark.parametrize("case", list(CASES))


@of_every_case
def test_auroc_and_average_precision_are_those_of_scikit_learn(case: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    scores, positive = CASES[case]
    assert auroc(scores, positive) == pytest.approx(metrics.roc_auc_score(positive, scores), abs=1e-12)
    expected = metrics.average_precision_score(positive, scores)
    assert average_precision(scores, positive) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_without_rows_of_both_kinds_there_is_nothing_to_rank(share: float) -> None:
    scores, positive = np.arange(5.0), np.full(5, bool(share))
    assert auroc(scores, positive) is None
    assert average_precision(scores, positive) is None
    assert curve(scores, positive) is None
    assert delong(scores[None], positive) is None


def test_the_macro_mean_is_over_the_classes_that_have_a_value() -> None:
    assert macro([0.5, math.nan, 1.0]) == 0.75
    assert macro([math.nan, math.nan]) is None


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=12))
def test_auroc_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([float(score) for score, _ in rows]), np.array([is_one for _, is_one in rows])
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(scores[positive], scores[~positive])
    ]
    value = auroc(scores, positive)
    assert value == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
def test_midranks_are_those_of_scipy(values: list[int]) -> None:
    stats = pytest.importorskip("scipy.stats")
    array = np.array(values, np.float64)
    assert midranks(array).tolist() == stats.rankdata(array).tolist()


def placements(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The kernel psi(x_i, y_j) of DeLong, (P, Q), by its definition."""
    difference = scores[positive][:, None] - scores[~positive][None, :]
    return np.asarray((difference > 0) + 0.5 * (difference == 0))


@pytest.mark.parametrize("case", ["balanced", "ties", "rare"])
def test_delong_is_its_definition_over_all_pairs(case: str) -> None:
    scores, positive = CASES[case]
    models = np.stack([scores, scores + np.random.default_rng(0).standard_normal(len(scores)).round(1)])
    found = delong(models, positive)
    assert found is not None
    kernels = [placements(model, positive) for model in models]
    (p, q), (a, b) = kernels[0].shape, kernels
    for (i, x), (j, y) in product(enumerate(kernels), repeat=2):
        of_rows = np.cov(x.mean(axis=1), y.mean(axis=1))[0, 1] / p
        assert found.covariance[i, j] == pytest.approx(of_rows + np.cov(x.mean(0), y.mean(0))[0, 1] / q)
    assert found.aurocs == pytest.approx([a.mean(), b.mean()])


def test_delong_s_interval_covers_the_truth_over_new_rows() -> None:
    """Scores N(0, 1) against N(1, 1): the true AUROC is Phi(1 / sqrt 2)."""
    truth = 0.5 * (1 + math.erf(1 / math.sqrt(2) / math.sqrt(2)))
    covered = 0
    for seed in range(400):
        scores, positive = sample(150, share=0.3, decimals=None, seed=seed)
        found = delong(scores[None], positive)
        assert found is not None
        interval = found.interval()
        covered += interval.low <= truth <= interval.high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_ranking_of_few_rows_is_not_certain(sign: int) -> None:
    found = delong(sign * np.arange(8.0)[None], np.arange(8) >= 4)
    assert found is not None
    interval = found.interval()
    assert found.aurocs[0] == (1 if sign > 0 else 0)
    assert 0.2 < interval.high - interval.low < 0.9


def test_the_difference_of_equal_models_is_zero_and_that_of_correlated_ones_narrow() -> None:
    scores, positive = CASES["balanced"]
    near = scores + 0.01 * np.random.default_rng(1).standard_normal(len(scores))
    found = delong(np.stack([scores, scores, near]), positive)
    assert found is not None
    same, interval = found.difference(0, 1)
    assert (same, interval.low, interval.high) == (0, 0, 0)
    _, paired = found.difference(0, 2)
    alone = found.interval(0)
    assert paired.high - paired.low < 0.1 * (alone.high - alone.low)


@of_every_case
def test_a_whole_curve_is_that_of_scikit_learn(case: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    scores, positive = CASES[case]
    points = curve(scores, positive, points=len(scores) + 1)
    assert points is not None
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert [point.false_positive_rate for point in points] == pytest.approx(false.tolist())
    assert [point.true_positive_rate for point in points] == pytest.approx(true.tolist())
    precision, recall, thresholds = metrics.precision_recall_curve(positive, scores)
    assert [point.precision for point in points] == pytest.approx(precision[::-1].tolist())
    assert [point.true_positive_rate for point in points] == pytest.approx(recall[::-1].tolist())
    assert [point.threshold for point in points[1:]] == thresholds[::-1].tolist()


@pytest.mark.parametrize("points", [2, 10, 500])
def test_a_shortened_curve_keeps_its_ends_and_its_area(points: int) -> None:
    scores, positive = sample(20_000, share=0.02, decimals=None)
    short = curve(scores, positive, points=points)
    assert short is not None
    assert len(short) <= points
    assert (short[0].threshold, short[0].true_positive_rate) == (None, 0)
    assert (short[-1].true_positive_rate, short[-1].false_positive_rate) == (1, 1)
    if points == CURVE_POINTS:
        x = [point.false_positive_rate for point in short]
        area = np.trapezoid([point.true_positive_rate for point in short], x)
        assert area == pytest.approx(auroc(scores, positive), abs=2e-3)


def test_the_interval_of_a_mean_is_that_of_one_model_if_all_agree_and_wider_if_they_do_not() -> None:
    scores, positive = CASES["balanced"]
    same, one = delong(np.stack([scores] * 3), positive), delong(scores[None], positive)
    noise = np.random.default_rng(5).standard_normal((3, len(scores)))
    noisy = delong(scores + np.array([[0.1], [1.0], [3.0]]) * noise, positive)
    assert same is not None
    assert one is not None
    assert noisy is not None
    for mean, of_one in zip(astuple(same.mean_interval()), astuple(one.interval()), strict=True):
        assert mean == pytest.approx(of_one)
    rows_alone = np.sqrt(noisy.covariance.mean()) * 1.96
    assert noisy.mean_interval().high - noisy.mean_interval().low > 2 * rows_alone


@pytest.mark.parametrize("seeds", [2, 5])
def test_the_interval_of_a_mean_covers_the_truth_over_new_rows_and_seeds(seeds: int) -> None:
    """A seed's score is the row's, which differs by 1 between the classes, plus noise of the seed's own scale."""
    truths, generator = [], np.random.default_rng(0)
    scales = generator.uniform(0.2, 1.5, 20_000)
    truths = [0.5 * (1 + math.erf(1 / math.sqrt(2 * (1 + scale**2)) / math.sqrt(2))) for scale in scales]
    truth, covered = float(np.mean(truths)), 0
    for _ in range(400):
        positive = np.arange(150) < 45
        row = generator.standard_normal(150) + positive
        own = generator.uniform(0.2, 1.5, (seeds, 1)) * generator.standard_normal((seeds, 150))
        found = delong(row + own, positive)
        assert found is not None
        interval = found.mean_interval()
        covered += interval.low <= truth <= interval.high
    assert covered / 400 >= 0.92
