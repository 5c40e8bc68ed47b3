"""Training on a table with categories and missing values, and prediction with the stored model."""

import numpy as np
import pytest

from tests.workers.data.preprocessing.mixed_tables import COLUMNS, mixed_table
from workers.checkpoint import Checkpoint
from workers.data.preprocessing import Preprocessing, encoder
from workers.linear_baselines import fit_baseline, linear_specs
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer

SPEC = {"model": {"hidden": [16]}, "training": {"epochs": 15, "batch_size": 32}}


@pytest.mark.usefixtures("every_kernel_set")
@pytest.mark.parametrize("model", [SPEC["model"], "linear"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("zero_times", [1, 100], ids=["mostly zeros", "all elements"])
def test_a_model_predicts_the_raw_rows_of_a_table(
    model: object, precision: str, zero_times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "ZERO_TIMES", zero_times)
    given = SPEC | {"model": model, "training": {"epochs": 15, "batch_size": 32, "precision": precision}}
    spec = ExperimentSpec.model_validate(given)
    training, validation = mixed_table(), mixed_table(400, seed=1)
    trainer = Trainer(spec, training, validation, seed=0)
    epochs = list(trainer.epochs())
    stored = Checkpoint.from_bytes(trainer.model().to_bytes())
    predictor = Predictor(spec, stored, classes=training.classes, image_shape=None)
    assert predictor.columns == COLUMNS
    assert predictor.features == len(COLUMNS)
    predicted = predictor(validation.features)
    accuracy = np.mean(predicted.labels == validation.labels)
    assert accuracy == pytest.approx(epochs[(trainer.best.epoch or 0) - 1].validation.metrics["accuracy"])
    assert accuracy > 0.8
    names = set(predictor.tensors())
    assert {"data.columns", "preprocessing.starts", "preprocessing.values", "scaling.offset"} <= names


def test_a_linear_baseline_reads_encoded_rows() -> None:
    spec = ExperimentSpec.model_validate(SPEC)
    trainer = Trainer(spec, mixed_table(), mixed_table(400, seed=1), seed=0)
    for name, linear in linear_specs(spec).items():
        parts = trainer.training_part, trainer.validation_part
        baseline = fit_baseline(name, linear, *parts, trainer.scaler)
        assert (baseline.accuracy or 0) > 0.8


def test_the_default_preprocessing_does_not_change_the_hash_of_a_spec() -> None:
    spec = ExperimentSpec.model_validate(SPEC)
    assert spec.preprocessing == Preprocessing()
    other = ExperimentSpec.model_validate(SPEC | {"preprocessing": {"min_count": 1}})
    without = spec.model_dump(mode="json")
    del without["preprocessing"]
    assert ExperimentSpec.model_validate(without).spec_hash == spec.spec_hash != other.spec_hash
