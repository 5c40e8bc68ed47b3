"""Corrections by class frequencies apply on the scale of the output, p_k pi_k / pi'_k, for every output layer."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from workers.data.registry import DatasetRegistry
from workers.evaluation.selection import BestEpoch
from workers.logit_adjustment import LogitAdjusted, PriorCorrected, adjusted_outputs, adjusted_scores
from workers.nn.output_layers import Output
from workers.plan import make_plan
from workers.spec import ExperimentSpec
from workers.training import Trainer

COUNTS, SAMPLED = np.array([900, 90, 10]), np.array([900.0, 900.0, 500.0])
LOGITS = np.random.default_rng(0).normal(size=(200, 3))
ESTIMATES: dict[Output, Any] = {"linear": lambda z: z, "sigmoid": expit, "softmax": lambda z: softmax(z, 1)}


@pytest.mark.parametrize("output", ESTIMATES)
def test_estimates_are_multiplied_by_the_ratio_of_the_frequencies(output: Output) -> None:
    offset = PriorCorrected().offset(COUNTS, SAMPLED)
    expected = ESTIMATES[output](LOGITS) * (COUNTS / COUNTS.sum()) / (SAMPLED / SAMPLED.sum())
    if output == "softmax":
        expected /= expected.sum(axis=1, keepdims=True)
    corrected = adjusted_scores(LOGITS, output, offset)
    np.testing.assert_allclose(adjusted_outputs(corrected, output, offset), expected, rtol=1e-9)
    np.testing.assert_array_equal(corrected.argmax(axis=1), expected.argmax(axis=1))


@pytest.mark.parametrize("output", ESTIMATES)
def test_estimates_are_divided_by_the_frequencies(output: Output) -> None:
    offset = LogitAdjusted().offset(COUNTS, COUNTS.astype(float))
    expected = (ESTIMATES[output](LOGITS) / (COUNTS / COUNTS.sum())).argmax(axis=1)
    np.testing.assert_array_equal(adjusted_scores(LOGITS, output, offset).argmax(axis=1), expected)


def test_sigmoids_that_round_to_1_are_still_told_apart() -> None:
    logits = np.array([[30.0, 40.0, 0.0]], np.float32)
    assert adjusted_scores(logits, "sigmoid", np.zeros(3)).argmax() == 1


def test_a_correction_beyond_the_range_of_the_precision_stays_finite() -> None:
    offset = LogitAdjusted(tau=1000.0).offset(COUNTS, COUNTS.astype(float))
    for output in ESTIMATES:
        assert np.isfinite(adjusted_scores(LOGITS.astype(np.float32), output, offset)).all()


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_a_corrected_regression_finds_the_rare_class(output: str, registry: DatasetRegistry) -> None:
    """The best possible balanced accuracy is Phi(1.5) = .933; offsets on the outputs themselves gave .51."""
    spec = {
        "dataset": {"name": "synthetic", "counts": [1800, 200], "features": 5, "separation": 3.0},
        "training": {"epochs": 15},
        "loss": {"name": "l2", "output": output},
        "prediction": "logit_adjusted",
    }
    plan = make_plan(ExperimentSpec.model_validate(spec), registry)
    parts = registry.prepare_split(plan.spec.dataset, plan.spec.split)
    best = BestEpoch("balanced_accuracy")
    for epoch in Trainer(plan.spec, parts.read("train"), parts.read("validation"), seed=0).epochs():
        best.update(epoch.number, epoch.validation.balanced_accuracy)
    assert best.value is not None
    assert best.value > 0.85
