from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.evaluation.operating_point import maximising, minimising_cost

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


@pytest.fixture
def rows() -> Rows:
    """Calibrated scores of a rare class, with ties."""
    generator = np.random.default_rng(4)
    scores = generator.beta(0.6, 3, 1500).round(2)
    return scores, generator.random(1500) < scores


def exhaustive(rows: Rows, value: Callable[[NDArray[np.bool_]], float]) -> float:
    """The largest value over every cut of the rows, with no row and with every row called positive."""
    scores, _ = rows
    return max(value(scores >= threshold) for threshold in [*np.unique(scores), 2.0])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1", "mcc", "g_mean"])
def test_no_cut_of_the_rows_does_better(rows: Rows, metric: str) -> None:
    m = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    scores, positive = rows
    oracles: dict[str, Callable[[NDArray[np.bool_]], float]] = {
        "accuracy": lambda called: m.accuracy_score(positive, called),
        "balanced_accuracy": lambda called: m.balanced_accuracy_score(positive, called),
        "macro_f1": lambda called: m.f1_score(positive, called, average="macro"),
        "mcc": lambda called: m.matthews_corrcoef(positive, called),
        "g_mean": lambda called: float(np.sqrt(np.prod(m.recall_score(positive, called, average=None)))),
    }
    point = maximising(metric, scores, positive)
    assert point.value == pytest.approx(exhaustive(rows, oracles[metric]))
    assert oracles[metric](scores >= point.threshold) == pytest.approx(point.value)


@pytest.mark.parametrize(("false_alarm", "miss"), [(1, 1), (1, 4), (1, 9), (3, 1)])
def test_costs_move_the_threshold_to_where_elkan_puts_it(rows: Rows, false_alarm: int, miss: int) -> None:
    scores, positive = rows

    def mean_cost(called: NDArray[np.bool_]) -> float:
        false_alarms, misses = (called & ~positive).sum(), (~called & positive).sum()
        return float(false_alarm * false_alarms + miss * misses) / len(scores)

    point = minimising_cost(np.array([[0, false_alarm], [miss, 0]], float), scores, positive)
    assert point.threshold == pytest.approx(false_alarm / (false_alarm + miss), abs=0.12)
    assert point.value == pytest.approx(mean_cost(scores >= point.threshold))
    assert point.value == pytest.approx(-exhaustive(rows, lambda called: -mean_cost(called)))


def test_the_threshold_lies_between_two_scores_so_that_rounding_decides_nothing() -> None:
    scores, positive = np.array([0.1, 0.2, 0.6, 0.9]), np.array([False, False, True, True])
    assert maximising("accuracy", scores, positive).threshold == pytest.approx(0.4)


@pytest.mark.parametrize("positive", [True, False])
def test_rows_of_one_kind_are_all_called_that(positive: bool) -> None:
    scores = np.array([0.3, 0.3, 0.7])
    point = maximising("accuracy", scores, np.full(3, positive))
    assert point.value == 1
    assert ((scores >= point.threshold) == positive).all()
