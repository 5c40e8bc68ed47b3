"""Warnings about the methods of a regression."""

from typing import Any

import numpy as np
import pytest

from workers.method_warnings import WarningContext, find_warnings
from workers.spec import ExperimentSpec


def codes(targets: Any, **spec: Any) -> set[str]:
    counts = {"train": [50, 50], "validation": [30, 30], "test": [30, 30]}
    given = {"task": "regression", "loss": {"name": "l2"}, "seeds": [0, 1]} | spec
    context = WarningContext(
        ExperimentSpec.model_validate(given),
        ("low", "high"),
        counts,
        np.array([50.0, 50.0]),
        targets=np.asarray(targets, np.float64),
    )
    found = find_warnings(context)
    return {warning.code for warning in found}


WITH_OUTLIERS = np.r_[np.arange(100), 5000]


def test_outliers_pull_the_mean_that_l2_estimates() -> None:
    assert codes(WITH_OUTLIERS) == {"outliers_pull_the_mean"}
    assert codes(np.arange(100)) == set()
    assert codes(WITH_OUTLIERS, loss={"name": "huber"}) == set()


def test_l1_does_not_collapse_in_a_regression() -> None:
    assert codes(np.arange(100), loss={"name": "l1", "output": "linear"}) == set()


@pytest.mark.parametrize(
    "spec",
    [
        {"class_weights": "inverse_density", "loss": {"name": "balanced_mse"}},
        {"class_weights": "inverse_density", "balancing": "oversample"},
    ],
)
def test_rare_targets_are_corrected_once(spec: dict[str, Any]) -> None:
    assert "double_correction" in codes(np.arange(100), **spec)
