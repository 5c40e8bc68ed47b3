"""The two-way bootstrap of metrics of losses, probabilities and ranks."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from workers.evaluation.evaluation import evaluate_with_rows
from workers.evaluation.row_results import RowResults
from workers.evaluation.score_bootstrap import Ranking, bootstrap_scores
from workers.nn.losses import CrossEntropy


def results(labels: Any, logits: Any) -> RowResults:
    """Of one seed, through the evaluation of the product."""
    losses, _ = CrossEntropy()(logits, labels)
    _, predicted = evaluate_with_rows(logits, labels, losses=losses, distribution=True)
    return RowResults.of(predicted(), np.arange(len(labels)), labels, logits.shape[1])


def seeds(classes: int, count: int, rows: int = 400) -> tuple[Any, list[RowResults]]:
    generator = np.random.default_rng(classes)
    labels = np.concatenate([np.arange(classes), generator.integers(classes, size=rows - classes)])
    common = 1.5 * np.eye(classes)[labels] + generator.standard_normal((rows, classes))
    logits = [common + 0.3 * generator.standard_normal((rows, classes)) for _ in range(count)]
    return labels, [results(labels, each) for each in logits]


def test_values_are_those_of_the_evaluation_and_widths_those_of_a_mean() -> None:
    labels, (one,) = seeds(6, 1)
    found = bootstrap_scores([one], np.random.default_rng(0), classes=6)
    assert list(found) == ["loss", "nll", "brier", "top_3_accuracy", "top_5_accuracy"]
    assert one.loss is not None
    assert one.squared_distance is not None
    assert one.place is not None
    for name, values in (
        ("loss", one.loss),
        ("brier", one.squared_distance),
        ("top_3_accuracy", one.place < 3),
    ):
        each = found[name]
        half_width = stats.norm.ppf(0.975) * np.std(values) / np.sqrt(len(labels))
        assert each.value == pytest.approx(np.mean(values))
        assert each.interval.high - each.interval.low == pytest.approx(2 * half_width, rel=0.1)
        assert each.interval.low < each.value < each.interval.high
    assert found["nll"].value == pytest.approx(found["loss"].value, rel=1e-6)


def test_average_precision_of_weighted_rows_is_scikit_learn_s() -> None:
    generator = np.random.default_rng(0)
    scores, positive = np.round(generator.random(80), 1), generator.random(80) < 0.3
    weights = generator.standard_exponential((5, 80))
    expected = [sklearn.average_precision_score(positive, scores, sample_weight=each) for each in weights]
    assert Ranking(scores, positive).average_precision(weights, np.zeros((5, 2))) == pytest.approx(expected)


def test_a_perfect_ranking_of_few_rows_proves_no_average_precision_of_1() -> None:
    """Half a row with the precision of chance leaves as much doubt as Jeffreys' interval of a share."""
    labels = np.repeat([0, 1], [30, 10])
    found = bootstrap_scores([results(labels, 5.0 * np.eye(2)[labels])], np.random.default_rng(0), classes=2)
    each = found["average_precision"]
    assert (each.value, each.interval.high) == (1.0, 1.0)
    of_classes = stats.beta.ppf(0.025, [30.5, 10.5], 0.5) * [0.25, 0.75] + [0.75, 0.25]
    assert of_classes.min() - 0.05 < each.interval.low < of_classes.max()


def test_a_loss_that_is_the_same_on_all_rows_has_no_interval() -> None:
    """Of no width it would claim that no row is ever wrong."""
    labels = np.repeat([0, 1], 20)
    certain = bootstrap_scores(
        [results(labels, 200.0 * np.eye(2)[labels])], np.random.default_rng(0), classes=2
    )
    assert list(certain) == ["average_precision"]


def test_two_classes_have_an_average_precision_and_no_top_k() -> None:
    labels, runs = seeds(2, 3)
    found = bootstrap_scores(runs, np.random.default_rng(0), classes=2)
    assert list(found) == ["loss", "nll", "brier", "average_precision"]
    assert all(each.seeds and each.interval.low < each.value < each.interval.high for each in found.values())
    first = runs[0]
    assert first.score is not None
    scores = np.where(labels == 1, first.score, 1 - first.score.astype(np.float64))
    alone = bootstrap_scores([first], np.random.default_rng(0), classes=2)["average_precision"]
    expected = np.mean([sklearn.average_precision_score(labels == k, abs(scores - 1 + k)) for k in (0, 1)])
    assert alone.value == pytest.approx(expected)


def test_a_top_k_that_is_always_right_has_a_width_and_a_single_class_no_average_precision() -> None:
    labels = np.zeros(30, np.int64)
    found = bootstrap_scores([results(labels, 5.0 * np.eye(4)[labels])], np.random.default_rng(0), classes=4)
    top = found["top_3_accuracy"].interval
    assert top.high == 1.0
    assert top.low == pytest.approx(stats.beta.ppf(0.025, 30.5, 0.5), abs=0.03)
    assert "average_precision" not in found
    of_two = bootstrap_scores([results(labels, 5.0 * np.eye(2)[labels])], np.random.default_rng(0), classes=2)
    assert list(of_two) == ["loss", "nll", "brier"]


def test_results_of_earlier_versions_tell_the_likelihood_alone() -> None:
    _, (one,) = seeds(3, 1)
    earlier = RowResults(one.rows, one.labels, one.predicted, one.score, one.confidence)
    assert list(bootstrap_scores([earlier], np.random.default_rng(0), classes=3)) == ["nll"]
    without = RowResults(one.rows, one.labels, one.predicted, None, None)
    assert bootstrap_scores([without], np.random.default_rng(0), classes=3) == {}
