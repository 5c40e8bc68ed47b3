"""The statistics of the detectors are those of SciPy, scikit-learn and statsmodels."""

import numpy as np
import pytest

from workers.shift import chi_square, kernel_sample, kolmogorov_smirnov, mmd, two_sample_classifier
from workers.shift.detection import bonferroni, holm
from workers.shift.labelled import share_change
from workers.shift.predictions import compare_outputs

stats = pytest.importorskip("scipy.stats")


@pytest.fixture
def stream() -> np.random.Generator:
    return np.random.default_rng(3)


def test_kolmogorov_smirnov_of_many_columns_with_ties(
    stream: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kolmogorov_smirnov, "BLOCK_CELLS", 500)
    before = stream.integers(0, 6, (120, 7)).astype(np.float32)
    after = stream.integers(0, 7, (45, 7)).astype(np.float32)
    found = kolmogorov_smirnov.distances(before, after)
    p_values = kolmogorov_smirnov.p_values(found, 120, 45)
    for column in range(7):
        exact = stats.ks_2samp(before[:, column], after[:, column], method="exact")
        assert found[column] == pytest.approx(exact.statistic)
        assert exact.pvalue - 0.01 <= p_values[column] <= exact.pvalue + 0.1


@pytest.mark.parametrize(("m", "n"), [(1000, 1), (500, 20), (300, 300), (20, 20)])
def test_kolmogorov_smirnov_is_on_the_safe_side_where_it_decides(m: int, n: int) -> None:
    for critical in (0.05, 0.01, 0.001):
        distance = float(stats.ksone.isf(critical / 2, max(1, round(m * n / (m + n)))))
        [p_value] = kolmogorov_smirnov.p_values(np.array([distance]), m, n)
        assert critical * 0.95 <= p_value


def test_chi_square_without_the_cells_that_nobody_has(stream: np.random.Generator) -> None:
    before, after = np.array([60, 0, 80, 30]), np.array([20, 0, 15, 25])
    oracle = stats.chi2_contingency([[60, 80, 30], [20, 15, 25]], correction=False)
    statistic, p_value, cells = chi_square.homogeneity(before, after, stream)
    assert [statistic, p_value, cells] == pytest.approx([oracle.statistic, oracle.pvalue, 3])


def test_chi_square_of_small_counts_is_a_permutation_test(stream: np.random.Generator) -> None:
    before, after = np.array([3, 1]), np.array([0, 4])
    _, p_value, _ = chi_square.homogeneity(before, after, stream)
    exact = stats.fisher_exact([before, after]).pvalue  # both tables beyond this one are as unlikely
    assert p_value == pytest.approx(exact, abs=0.05)
    assert chi_square.homogeneity(np.array([9, 0]), np.array([1, 0]), stream) == (0.0, 1.0, 1)


def test_holm_and_bonferroni() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.array([0.04, 0.001, 0.6, 0.012, 0.012])
    np.testing.assert_allclose(holm(p_values), multitest.multipletests(p_values, method="holm")[1])
    assert bonferroni(p_values) == pytest.approx(0.005)


def test_outputs_of_two_classes_are_one_test(stream: np.random.Generator) -> None:
    positive = [stream.random(200), stream.random(90) ** 1.5]
    tables = [np.stack([1 - each, each], axis=1) for each in positive]
    found = compare_outputs(tables[0], tables[1])
    assert found.statistic == pytest.approx(stats.ks_2samp(*positive).statistic)
    assert found.comparisons == 1


def test_mmd_is_the_unbiased_sum_over_pairs(stream: np.random.Generator) -> None:
    sample = kernel_sample.KernelSample.of(
        stream.standard_normal((6, 3), np.float32), stream.standard_normal((4, 3), np.float32)
    )
    kernel = sample.kernel.astype(np.float64)

    def mean(a: range, b: range) -> float:
        return float(np.mean([kernel[i, j] for i in a for j in b if i != j]))

    x, y = range(6), range(6, 10)
    expected = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    memberships = (np.arange(10) >= 6).astype(np.float32)[:, None]
    assert mmd.squared_mmd(sample, memberships)[0] == pytest.approx(expected, abs=1e-6)


def test_the_discriminant_is_a_ridge_regression_of_the_membership(stream: np.random.Generator) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    before, after = stream.normal(3, 2, (40, 3)), stream.normal(4, 1, (25, 3))
    rows = np.concatenate([before, after])
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    y = np.repeat([-25 / 65, 40 / 65], [40, 25])
    ridge = linear_model.Ridge(alpha=65 * two_sample_classifier.RIDGE, fit_intercept=False).fit(rows, y)
    found = two_sample_classifier.compare_by_classifier(before, after, stream)
    assert found.statistic == pytest.approx(65 * y @ ridge.predict(rows) / (y @ y), rel=1e-4)


def test_rows_without_any_difference_are_no_shift(stream: np.random.Generator) -> None:
    found = two_sample_classifier.compare_by_classifier(np.ones((50, 3)), np.ones((20, 3)), stream)
    assert (found.statistic, found.p_value, found.smallest_share) == (0.0, 1.0, None)


@pytest.mark.parametrize("counts", [(90, 100, 70, 100), (100, 100, 3, 7), (0, 5, 8, 8)])
def test_the_interval_of_a_difference_of_shares(counts: tuple[int, int, int, int]) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    right_before, before, right_after, after = counts
    low, high = proportion.confint_proportions_2indep(
        right_after, after, right_before, before, method="newcomb", compare="diff"
    )
    change = share_change(*counts)
    assert change.interval is not None
    assert [change.interval.low, change.interval.high] == pytest.approx([low, high])
