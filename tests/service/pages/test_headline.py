"""The headline says how the interval lies to the best baseline, and where both are in the range of the metric."""

from typing import Any

import pytest

from service.pages.headline import headline, lowest_class


def experiment(metric: str, direction: str, low: float | None, high: float | None) -> dict[str, Any]:
    return {
        "plan": {"task": "classification"},
        "summary": {
            "selection": {"metric": metric, "direction": direction},
            "metrics": {metric: {"mean": 0.8, "low": low, "high": high}},
            "baselines": [
                {"name": "majority", "metrics": {metric: 0.5}},
                {"name": "linear", "metrics": {metric: 0.7}},
            ],
            "classes": [
                {"class": "a", "accuracy": 0.9},
                {"class": "b", "accuracy": 0.4},
                {"class": "c", "accuracy": None},
            ],
        },
    }


@pytest.mark.parametrize(
    ("metric", "direction", "low", "high", "baseline", "verdict"),
    [
        ("accuracy", "max", 0.75, 0.85, "linear", "better than"),
        ("accuracy", "max", 0.65, 0.85, "linear", "not clearly better than"),
        ("accuracy", "max", 0.55, 0.65, "linear", "worse than"),
        ("accuracy", "max", None, None, "linear", None),
        ("rmse", "min", 0.75, 0.85, "majority", "worse than"),
        ("rmse", "min", 0.3, 0.4, "majority", "better than"),
    ],
)
def test_the_interval_decides_the_verdict(
    metric: str, direction: str, low: float | None, high: float | None, baseline: str, verdict: str | None
) -> None:
    found = headline(experiment(metric, direction, low, high))
    assert found is not None
    assert (found.baseline, found.verdict) == (baseline, verdict)


def test_values_have_places_in_a_range_that_ends() -> None:
    accuracy, mcc, rmse = (
        headline(experiment(name, "max", None, None)) for name in ("accuracy", "mcc", "rmse")
    )
    assert accuracy is not None
    assert mcc is not None
    assert rmse is not None
    assert (accuracy.place(0.25), accuracy.place(2.0), mcc.place(0.0)) == (25, 100, 50)
    assert (accuracy.has_scale, rmse.has_scale) == (True, False)


def test_the_lowest_class_has_a_value() -> None:
    given = experiment("accuracy", "max", None, None)
    assert lowest_class(given) == {"class": "b", "accuracy": 0.4}
    assert lowest_class(given | {"plan": {"task": "regression"}}) is None
    assert lowest_class(given | {"summary": None}) is None
