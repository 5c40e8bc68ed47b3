import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from workers.evaluation import bootstrap, confusion
from workers.evaluation.bootstrap import (
    METRICS,
    WeightedMargins,
    matrix_by_matrix,
    two_way_bootstrap,
    value_range,
)
from workers.evaluation.metrics import FROM_CONFUSION
from workers.evaluation.row_weights import sums_by_class

Integers = NDArray[np.int64]


def models(labels: Integers, classes: int, seeds: int, skill: float, seed: int = 0) -> Integers:
    """Predictions (S, N): right with probability `skill`, else any class."""
    generator = np.random.default_rng(seed)
    guesses = generator.integers(0, classes, (seeds, len(labels)))
    return np.where(generator.random(guesses.shape) < skill, labels, guesses)


LABELS = np.repeat([0, 1, 2], [120, 60, 20])
PREDICTIONS = models(LABELS, 3, 3, 0.7)


def sklearn_metrics() -> dict[str, Callable[[Integers, Integers], float]]:
    m = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    return {
        "accuracy": m.accuracy_score,
        "balanced_accuracy": m.balanced_accuracy_score,
        "macro_f1": lambda y, p: m.f1_score(y, p, average="macro"),
        "mcc": m.matthews_corrcoef,
        "cohen_kappa": m.cohen_kappa_score,
        "g_mean": lambda y, p: math.prod(m.recall_score(y, p, average=None)) ** (1 / len(np.unique(y))),
    }


def test_the_values_are_the_means_over_seeds_of_scikit_learn_s_metrics() -> None:
    oracles = sklearn_metrics()
    found = two_way_bootstrap(PREDICTIONS, LABELS, np.random.default_rng(0), classes=3, resamples=10)
    assert set(found) == {*METRICS, "recall_0", "recall_1", "recall_2"}
    for name in METRICS:
        expected = np.mean([oracles[name](LABELS, predictions) for predictions in PREDICTIONS])
        assert found[name].value == pytest.approx(expected), name


def figures(labels: Integers, predictions: Integers) -> dict[str, float]:
    """Of one model, from the margins of its confusion matrix."""
    matrix = confusion.confusion_matrix(labels, predictions, 3).astype(np.float64)
    margins = WeightedMargins(np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0))
    return {name: float(metric(margins)) for name, metric in METRICS.items()}


def test_the_intervals_are_those_of_drawing_rows_one_by_one_and_student_s_t_of_seeds() -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(5)
    predictions = np.concatenate([models(LABELS, 3, 1, skill, seed) for seed, skill in enumerate((0.4, 0.8))])
    found = two_way_bootstrap(predictions, LABELS, generator, classes=3, resamples=4000)
    observed = [figures(LABELS, each) for each in predictions]
    drawn = []
    for _ in range(1000):
        rows = generator.integers(0, len(LABELS), len(LABELS))
        drawn.append([figures(LABELS[rows], each[rows]) for each in predictions])
    for name in METRICS:
        first, second = np.array([[each[name] for each in of_draw] for of_draw in drawn]).T
        a, b = (each[name] for each in observed)
        of_seeds = stats.t.ppf(0.975, 1) * abs(a - b) / 2  # s^2 = (a - b)^2 / 2
        value = (a + b) / 2
        low, high = np.quantile((first + second) / 2, [0.025, 0.975])
        lowest, highest = value_range(name)
        interval = found[name].interval
        expected = value - math.hypot(value - low, of_seeds), value + math.hypot(high - value, of_seeds)
        assert interval.low == pytest.approx(max(expected[0], lowest), abs=0.02 * of_seeds), name
        assert interval.high == pytest.approx(min(expected[1], highest), abs=0.02 * of_seeds), name


def test_seeds_that_agree_leave_the_interval_of_drawing_rows_one_by_one() -> None:
    generator = np.random.default_rng(5)
    drawn = []
    for _ in range(2000):
        rows = generator.integers(0, len(LABELS), len(LABELS))
        drawn.append(figures(LABELS[rows], PREDICTIONS[0][rows]))
    found = two_way_bootstrap(np.tile(PREDICTIONS[0], (3, 1)), LABELS, generator, classes=3, resamples=4000)
    for name in METRICS:
        low, high = np.quantile([values[name] for values in drawn], [0.025, 0.975])
        assert found[name].interval.low == pytest.approx(low, abs=0.1 * (high - low)), name
        assert found[name].interval.high == pytest.approx(high, abs=0.1 * (high - low)), name


@pytest.mark.parametrize(("right", "rows"), [(5, 5), (0, 5), (27, 30), (400, 500)])
def test_the_recall_of_one_seed_has_jeffreys_interval(right: int, rows: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    labels = np.repeat([0, 1], [rows, 50])
    predictions = np.concatenate([np.repeat([0, 1], [right, rows - right]), np.ones(50, np.int64)])
    generator = np.random.default_rng(2)
    found = two_way_bootstrap(predictions[None], labels, generator, classes=2, resamples=40_000)["recall_0"]
    low, high = stats.beta(right + 0.5, rows - right + 0.5).ppf([0.025, 0.975])
    assert found.interval.low == pytest.approx(low, abs=0.01)
    assert found.interval.high == pytest.approx(high, abs=0.01)
    assert not found.seeds


def test_models_that_err_nowhere_are_not_certain() -> None:
    found = two_way_bootstrap(np.tile(LABELS, (5, 1)), LABELS, np.random.default_rng(0), classes=3)
    for name, figure in found.items():
        assert figure.value == 1
        assert figure.interval.low < figure.interval.high <= 1, name
    assert found["recall_2"].interval.low < found["recall_0"].interval.low < 1


def test_many_small_classes_are_not_pulled_towards_one_half() -> None:
    labels = np.repeat(np.arange(100), 5)
    found = two_way_bootstrap(models(labels, 100, 3, 0.95), labels, np.random.default_rng(0), classes=100)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        figure = found[name]
        assert figure.interval.low < figure.value < figure.interval.high
        assert figure.value - figure.interval.low < 3 * (figure.interval.high - figure.value)


def test_a_class_without_rows_has_no_recall_and_no_part_in_the_means() -> None:
    found = two_way_bootstrap(PREDICTIONS, LABELS, np.random.default_rng(0), classes=5, resamples=50)
    assert {name for name in found if name.startswith("recall")} == {"recall_0", "recall_1", "recall_2"}
    among_three = two_way_bootstrap(PREDICTIONS, LABELS, np.random.default_rng(0), classes=3, resamples=50)
    assert found["balanced_accuracy"].value == pytest.approx(among_three["balanced_accuracy"].value)


@pytest.mark.parametrize("rows_known", [200, 2000])
def test_class_frequencies_are_as_uncertain_as_the_sample_that_tells_them_is_small(rows_known: int) -> None:
    """With models right on class 0 alone, accuracy is the share of class 0."""
    only_zero, counts = np.zeros((1, 200), np.int64), np.bincount(LABELS) * rows_known // 200
    generator = np.random.default_rng(0)
    interval = two_way_bootstrap(only_zero, LABELS, generator, classes=3, class_counts=counts)[
        "accuracy"
    ].interval
    expected = 2 * 1.96 * math.sqrt(0.6 * 0.4 / rows_known)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.15)


def test_memory_is_bounded_by_blocks_without_a_change_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = two_way_bootstrap(PREDICTIONS, LABELS, np.random.default_rng(0), classes=3, resamples=3000)
    monkeypatch.setattr(bootstrap, "BLOCK_CELLS", 500)
    blocks = two_way_bootstrap(PREDICTIONS, LABELS, np.random.default_rng(1), classes=3, resamples=3000)
    for name, figure in whole.items():
        width = figure.interval.high - figure.interval.low
        assert blocks[name].interval.low == pytest.approx(figure.interval.low, abs=0.1 * width)


def test_margins_of_whole_numbers_give_the_metrics_of_an_epoch() -> None:
    matrix = confusion.confusion_matrix(LABELS, PREDICTIONS[0], 3)
    margins = confusion.Margins.of(matrix)
    weighted = WeightedMargins(*(np.array(counts, np.float64) for counts in vars(margins).values()))
    for metric in FROM_CONFUSION:
        assert float(METRICS[metric.name](weighted)) == pytest.approx(metric(margins), rel=1e-12)


def test_a_metric_without_a_faster_twin_is_resampled_by_its_declaration() -> None:
    weights = np.random.default_rng(0).gamma(5, size=(3, 2, 4, 4))
    margins = WeightedMargins(
        np.diagonal(weights, axis1=2, axis2=3), weights.sum(axis=3), weights.sum(axis=2)
    )
    for metric in FROM_CONFUSION:
        slow = matrix_by_matrix(metric.formula)(margins)
        assert slow.shape == (3, 2)
        assert slow == pytest.approx(METRICS[metric.name](margins), rel=1e-9), metric.name


def test_many_models_of_many_classes_are_told_apart() -> None:
    """As one number a row, 12 models of 100 classes would not fit 64 bits."""
    labels = np.repeat(np.arange(100), 3)
    predictions = models(labels, 100, 12, 0.5)
    found = two_way_bootstrap(predictions, labels, np.random.default_rng(0), classes=100, resamples=20)
    assert found["accuracy"].value == pytest.approx((predictions == labels).mean())


def test_an_interval_includes_what_was_observed_and_stays_within_the_range() -> None:
    labels = np.repeat([0, 1], [40, 4])
    for predictions in (labels, 1 - labels):
        found = two_way_bootstrap(np.tile(predictions, (3, 1)), labels, np.random.default_rng(0), classes=2)
        for name, figure in found.items():
            lowest, highest = value_range(name)
            assert lowest <= figure.interval.low <= figure.value <= figure.interval.high <= highest, name
            assert figure.interval.low < figure.interval.high, name


@pytest.mark.parametrize(("draws", "rows"), [(50, 1), (50, 7), (1, 300_000), (257, 1000), (3, 0)])
def test_sums_by_class_have_the_bits_of_a_sparse_product(draws: int, rows: int) -> None:
    generator = np.random.default_rng(0)
    weights, classes = generator.standard_gamma(2.0, (draws, rows)), generator.integers(0, 5, rows)
    ones = csr_array((np.ones(rows), classes, np.arange(rows + 1)), shape=(rows, 6))
    np.testing.assert_array_equal(sums_by_class(weights, classes, 6), weights @ ones)
