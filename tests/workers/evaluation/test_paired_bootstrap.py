import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation import paired_bootstrap
from workers.evaluation.bootstrap import METRICS, WeightedMargins, two_way_bootstrap
from workers.evaluation.differences import Difference
from workers.evaluation.paired_bootstrap import between_rows, resample

Integers = NDArray[np.int64]
LABELS = np.repeat([0, 1, 2], [240, 120, 40])


def models(seeds: int, skill: float, seed: int) -> Integers:
    """Predictions (S, N): right with probability `skill`, else any class."""
    generator = np.random.default_rng(seed)
    guesses = generator.integers(0, 3, (seeds, len(LABELS)))
    return np.where(generator.random(guesses.shape) < skill, LABELS, guesses)


A, B = models(4, 0.85, seed=1), models(4, 0.7, seed=2)


def matrix(labels: Integers, predictions: Integers) -> WeightedMargins:
    """The margins of the confusion matrix of one model."""
    counts = np.bincount(3 * labels + predictions, minlength=9).reshape(3, 3).astype(np.float64)
    return WeightedMargins(np.diag(counts), counts.sum(axis=1), counts.sum(axis=0))


def value(metric: str, of: WeightedMargins) -> float:
    return float(METRICS[metric](of))


def values(metric: str, predictions: Integers) -> list[float]:
    return [value(metric, matrix(LABELS, each)) for each in predictions]


def difference(metric: str, a: Integers, b: Integers, resamples: int = 2000) -> Difference:
    generator = np.random.default_rng(0)
    of_a, of_b = resample([a, b], LABELS, metric, generator, classes=3, resamples=resamples)
    return between_rows(of_a, of_b, values(metric, a), values(metric, b))


def test_the_error_over_rows_is_that_of_drawing_rows_one_by_one() -> None:
    generator = np.random.default_rng(3)
    drawn: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for _ in range(600):
        rows = generator.integers(0, len(LABELS), len(LABELS))
        of_a, of_b = ([matrix(LABELS[rows], each[rows]) for each in side] for side in (A, B))
        for metric, differences in drawn.items():
            apart = [value(metric, a) - value(metric, b) for a, b in zip(of_a, of_b, strict=True)]
            differences.append(float(np.mean(apart)))
    for metric, differences in drawn.items():
        found = difference(metric, A, B)
        assert found.value == pytest.approx(np.mean(values(metric, A)) - np.mean(values(metric, B)))
        assert found.row_error == pytest.approx(np.std(differences), rel=0.12), metric


def test_the_error_over_seeds_is_that_of_the_mean_of_their_differences() -> None:
    differences = np.subtract(values("accuracy", A), values("accuracy", B))
    found = difference("accuracy", A, B)
    assert found.repetition_error == pytest.approx(np.std(differences, ddof=1) / 2)
    assert found.degrees_of_freedom == 3


def test_one_seed_has_no_error_over_seeds() -> None:
    assert difference("accuracy", A[:1], B[:1]).repetition_error == 0


def discordant(only_a: int, only_b: int) -> tuple[Integers, Integers]:
    """One seed of two models, which err on these rows of class 0 alone."""
    a, b = LABELS.copy(), LABELS.copy()
    b[:only_a] = 1
    a[only_a : only_a + only_b] = 1
    return a[None], b[None]


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 0), (5, 0), (6, 0), (9, 2), (12, 2), (30, 10)])
def test_one_seed_has_the_interval_of_bonett_and_price(only_a: int, only_b: int) -> None:
    found = difference("accuracy", *discordant(only_a, only_b), resamples=20_000)
    n = len(LABELS) + 2
    spread = only_a + only_b + 2 - (only_a - only_b) ** 2 / n
    assert found.row_error == pytest.approx(math.sqrt(spread) / n, rel=0.03)


@pytest.mark.parametrize("metric", METRICS)
def test_a_row_or_two_that_tell_models_apart_prove_nothing_and_equal_models_have_an_interval(
    metric: str,
) -> None:
    for only_a in (0, 1, 2):
        interval = difference(metric, *discordant(only_a, 0)).interval()
        assert interval.low < 0 < interval.high


def test_swapped_experiments_have_the_opposite_difference() -> None:
    one, other = difference("macro_f1", A, B), difference("macro_f1", B, A)
    assert one.value == -other.value
    assert one.row_error == pytest.approx(other.row_error, rel=0.1)


def test_the_draws_depend_on_the_rows_alone_so_a_third_experiment_changes_nothing() -> None:
    def of(*experiments: Integers) -> NDArray[np.float64]:
        return resample(experiments, LABELS, "mcc", np.random.default_rng(0), classes=3, resamples=50)[
            0
        ].first

    assert (of(A, B) == of(A, B[:2], models(7, 0.5, seed=9))).all()


def test_memory_is_bounded_by_blocks_without_a_change_of_the_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = difference("balanced_accuracy", A, B)
    monkeypatch.setattr(paired_bootstrap, "BLOCK_CELLS", 3000)
    assert difference("balanced_accuracy", A, B).row_error == pytest.approx(whole.row_error, rel=0.1)


def test_a_class_without_rows_takes_no_part() -> None:
    def error(classes: int) -> float:
        of_a, of_b = resample([A, B], LABELS, "balanced_accuracy", np.random.default_rng(0), classes=classes)
        return between_rows(of_a, of_b, [0.9] * 4, [0.8] * 4).row_error

    assert error(5) == pytest.approx(error(3), rel=0.1)


def test_the_frequencies_of_classes_may_be_known_better_than_by_these_rows() -> None:
    """Only the frequencies make the accuracy of models uncertain that are right on one class, or on two others."""
    zero, others = np.zeros((1, len(LABELS)), np.int64), np.where(LABELS > 0, LABELS, 1)[None]

    def error(counts: Integers) -> float:
        generator = np.random.default_rng(0)
        a, b = resample(
            [zero, others], LABELS, "accuracy", generator, classes=3, class_counts=counts, resamples=4000
        )
        return between_rows(a, b, [0.6], [0.4]).row_error

    known = np.bincount(LABELS)
    assert error(100 * known) < 0.2 * error(known)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_differences_are_as_uncertain_as_the_unpaired_bootstrap_says_of_unrelated_models(metric: str) -> None:
    def width(predictions: Integers) -> float:
        generator = np.random.default_rng(0)
        interval = two_way_bootstrap(predictions, LABELS, generator, classes=3)[metric].interval
        return interval.high - interval.low

    apart: Sequence[float] = [width(A[:1]), width(B[:1])]
    interval = difference(metric, A[:1], B[:1]).interval()
    assert interval.high - interval.low == pytest.approx(math.hypot(*apart), rel=0.2)
