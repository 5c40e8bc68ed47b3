"""A stored model predicts what training evaluated."""

from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers.checkpoint import Checkpoint
from workers.predictor import Overflow, Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer

SPECS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "statistics and dropout": {"model": {"hidden": [8, 8], "batch_norm": True, "dropout": 0.3}},
    "convolutions": {"model": {"name": "convnet"}},
    "a linear output": {"loss": {"name": "l2", "output": "linear"}},
    "sigmoids": {"loss": {"name": "l2", "output": "sigmoid"}},
    "cosines": {"loss": "ldam"},
    "a correction by class frequencies": {"prediction": "logit_adjusted", "balancing": "oversample"},
    "a correction of a linear output": {"prediction": "logit_adjusted", "loss": {"name": "l2"}},
    "a correction of sigmoids": {
        "prediction": "prior_corrected",
        "balancing": {"name": "oversample"},
        "loss": {"name": "l2", "output": "sigmoid"},
    },
    "double precision": {"training": {"epochs": 2, "precision": "float64"}, "scaling": "minmax"},
}


def trained(spec: dict[str, Any], parts: TrainingAndValidation) -> tuple[ExperimentSpec, Trainer]:
    resolved = ExperimentSpec.model_validate({"training": {"epochs": 2}} | spec)
    trainer = Trainer(resolved, *parts, seed=0)
    trainer.evaluations = [epoch.validation for epoch in trainer.epochs()]  # type: ignore[attr-defined]
    return resolved, trainer


def reloaded(spec: ExperimentSpec, trainer: Trainer) -> Predictor:
    model = Checkpoint.from_bytes(trainer.model().to_bytes())
    return Predictor(
        spec, model, classes=trainer.training_part.classes, image_shape=trainer.training_part.shape
    )


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_it_predicts_what_the_best_epoch_evaluated(
    spec: dict[str, Any], digits: TrainingAndValidation
) -> None:
    resolved, trainer = trained(spec, digits)
    predictor = reloaded(resolved, trainer)
    validation = digits[1]
    predictions = predictor(validation.features.astype(np.float32))
    best = trainer.evaluations[trainer.model().epoch - 1]  # type: ignore[attr-defined]
    assert np.mean(predictions.labels == validation.labels) == best.accuracy
    np.testing.assert_array_equal(predictions.outputs.argmax(axis=1), predictions.labels)
    assert predictor.is_distribution == (best.nll is not None)
    if best.nll is not None:
        of_truth = predictions.outputs[np.arange(len(validation)), validation.labels]
        assert -np.log(of_truth).mean() == pytest.approx(best.nll, rel=1e-4)


def test_its_tensors_are_enough_to_predict_without_it(digits: TrainingAndValidation) -> None:
    resolved, trainer = trained({"model": {"hidden": [16], "activation": "relu"}}, digits)
    predictor = reloaded(resolved, trainer)
    named = predictor.tensors()
    rows = digits[1].features.astype(np.float32)
    x = (rows - named["scaling.offset"]) * named["scaling.factor"]
    hidden = np.maximum(x @ named["0.weight"] + named["0.bias"], 0)
    logits = hidden @ named["1.weight"] + named["1.bias"]
    assert set(named) == {"0.weight", "0.bias", "1.weight", "1.bias", "scaling.offset", "scaling.factor"}
    np.testing.assert_array_equal(logits.argmax(axis=1), predictor(rows).labels)


def test_a_row_that_overflows_is_named(iris: TrainingAndValidation) -> None:
    resolved, trainer = trained({}, iris)
    rows = np.ones((3, 4), np.float32)
    rows[1] = 3e38
    with pytest.raises(Overflow, match="row 1"):
        reloaded(resolved, trainer)(rows)
