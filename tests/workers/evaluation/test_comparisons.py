import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.comparisons import holm, mcnemar, paired_bootstrap, paired_t

Booleans = NDArray[np.bool_]


def answers(only_a: int, only_b: int, both: int = 30, neither: int = 7) -> tuple[Booleans, Booleans]:
    """Whether a and b were right, on so many rows of each kind."""
    kinds = [only_a, only_b, both, neither]
    return np.repeat([True, False, True, False], kinds), np.repeat([False, True, True, False], kinds)


@pytest.mark.parametrize(
    ("only_a", "only_b"),
    [(0, 0), (1, 0), (0, 5), (3, 3), (20, 4), (12, 12), (12, 13), (0, 25), (40, 25), (30, 30), (500, 400)],
)
def test_mcnemar_is_that_of_statsmodels_exact_below_25_discordant_rows(only_a: int, only_b: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="statsmodels is the oracle")
    exact = only_a + only_b < 25
    oracle = tables.mcnemar([[30, only_a], [only_b, 7]], exact=exact, correction=True)
    test = mcnemar(*answers(only_a, only_b))
    assert (test.only_a, test.only_b, test.exact) == (only_a, only_b, exact)
    assert test.p_value == pytest.approx(oracle.pvalue, rel=1e-12)


@pytest.fixture
def rows() -> tuple[Booleans, Booleans, NDArray[np.int64]]:
    """Two models on 300 rows of three unequal classes, which b alone knows the rare one of."""
    generator = np.random.default_rng(11)
    labels = np.repeat([0, 1, 2], [200, 80, 20])
    right_a = generator.random(300) < np.array([0.95, 0.8, 0.2])[labels]
    right_b = generator.random(300) < np.array([0.9, 0.8, 0.7])[labels]
    return right_a, right_b, labels


def mean_recall(right: Booleans, labels: NDArray[np.int64]) -> float:
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def test_the_bootstrap_observes_the_plain_differences(
    rows: tuple[Booleans, Booleans, NDArray[np.int64]],
) -> None:
    right_a, right_b, labels = rows
    found = paired_bootstrap(right_a, right_b, labels, np.random.default_rng(0))
    assert found["accuracy"].difference == pytest.approx(right_a.mean() - right_b.mean())
    balanced = mean_recall(right_a, labels) - mean_recall(right_b, labels)
    assert found["balanced_accuracy"].difference == pytest.approx(balanced)


def test_its_intervals_are_those_of_resampling_row_by_row(
    rows: tuple[Booleans, Booleans, NDArray[np.int64]],
) -> None:
    stats = pytest.importorskip("scipy.stats")
    right_a, right_b, labels = rows
    found = paired_bootstrap(right_a, right_b, labels, np.random.default_rng(0), resamples=20_000)

    def accuracy(drawn: NDArray[np.intp]) -> float:
        return float(right_a[drawn].mean() - right_b[drawn].mean())

    def balanced_accuracy(drawn: NDArray[np.intp]) -> float:
        return mean_recall(right_a[drawn], labels[drawn]) - mean_recall(right_b[drawn], labels[drawn])

    for statistic in (accuracy, balanced_accuracy):
        oracle = stats.bootstrap(
            (np.arange(300),),
            statistic,
            vectorized=False,
            n_resamples=4000,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        interval = found[statistic.__name__].interval
        width = oracle.high - oracle.low
        assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high), abs=0.04 * width)


def test_a_class_that_a_resample_misses_takes_no_part_in_its_mean() -> None:
    right_a, right_b = np.ones(40, bool), np.zeros(40, bool)
    labels = np.repeat([0, 2], [39, 1])
    found = paired_bootstrap(right_a, right_b, labels, np.random.default_rng(0), resamples=200)
    assert (found["balanced_accuracy"].interval.low, found["balanced_accuracy"].interval.high) == (1, 1)


def test_the_same_generator_gives_the_same_interval(
    rows: tuple[Booleans, Booleans, NDArray[np.int64]],
) -> None:
    assert paired_bootstrap(*rows, np.random.default_rng(3)) == paired_bootstrap(
        *rows, np.random.default_rng(3)
    )


@pytest.mark.parametrize("n", [2, 3, 12])
def test_the_paired_t_test_is_scipys(n: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(n)
    a, b = generator.normal(0.92, 0.01, n), generator.normal(0.9, 0.01, n)
    oracle = stats.ttest_rel(a, b)
    found = paired_t(a.tolist(), b.tolist())
    assert found is not None
    assert found.p_value == pytest.approx(oracle.pvalue)
    assert found.difference.interval is not None
    low, high = oracle.confidence_interval(0.95)
    assert (found.difference.interval.low, found.difference.interval.high) == pytest.approx((low, high))


def test_one_seed_has_a_difference_and_no_p_value() -> None:
    found = paired_t([0.9], [0.8])
    assert found is not None
    assert found.difference.mean == pytest.approx(0.1)
    assert found.p_value is None
    assert paired_t([], []) is None


def test_differences_that_are_equal_but_for_rounding_prove_nothing() -> None:
    found = paired_t([0.91, 0.81, 0.71], [0.9, 0.8, 0.7])
    assert found is not None
    assert found.p_value is None
    same = paired_t([0.9, 0.9], [0.9, 0.9])
    assert same is not None
    assert same.p_value is None


def test_seeds_that_do_not_pair_are_an_error() -> None:
    with pytest.raises(ValueError, match="argument"):
        paired_t([0.9, 0.8], [0.9])


@pytest.mark.parametrize(
    "p_values",
    [[], [0.04], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.9], [0.02, 0.02, 0.02], [0.0, 1.0]],
)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is the oracle")
    expected = multitest.multipletests(p_values, method="holm")[1].tolist() if p_values else []
    assert holm(p_values) == pytest.approx(expected)


def test_a_comparison_without_a_p_value_stays_so_and_is_not_counted() -> None:
    assert holm([0.02, None, 0.04]) == [0.04, None, 0.04]
