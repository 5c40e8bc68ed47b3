"""The metric of a stored model on rows: that of the epoch whose model it is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.data.preprocessing.mixed_tables import mixed_table
from workers.checkpoint import Checkpoint
from workers.data.dataset import Dataset
from workers.data.sources.bundled import Bundled
from workers.evaluation.metrics import SUMMARISED
from workers.model_scoring import ModelScoring
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer


class Trained:
    def __init__(self, training: Dataset, part: Dataset, **spec: Any) -> None:
        given = {"model": {"hidden": [8]}, "training": {"epochs": 2}, **spec}
        trainer = Trainer(ExperimentSpec.model_validate(given), training, part, seed=0)
        self.part, self.spec = part, trainer.spec
        self.metrics = list(trainer.epochs())[-1].validation.metrics
        trainer.best_weights = None  # the last epoch, whichever was the best
        stored = Checkpoint.from_bytes(trainer.model().to_bytes())
        self.predictor = Predictor(self.spec, stored, classes=part.classes, image_shape=None)

    def scoring(self, metric: str) -> ModelScoring:
        given = json.loads(self.spec.model_dump_json())
        given["training"]["early_stopping"] = {"metric": metric, "patience": 5}
        return ModelScoring(ExperimentSpec.model_validate(given), self.predictor, self.part)


@pytest.fixture(scope="module")
def trained() -> dict[str, Trained]:
    diabetes = Bundled(name="diabetes").read(Path()).dataset
    first = np.arange(len(diabetes)) < 300
    return {
        "classification": Trained(mixed_table(), mixed_table(200, seed=1), prediction="logit_adjusted"),
        "regression": Trained(
            diabetes.take(np.flatnonzero(first)), diabetes.take(np.flatnonzero(~first)), task="regression"
        ),
    }


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_it_is_the_metric_of_the_epoch(trained: dict[str, Trained], task: Any) -> None:
    model = trained[task]
    names = [each.name for each in SUMMARISED if task in each.tasks and not each.selects_nothing]
    assert len(names) > 5
    for name in names:
        (value,) = model.scoring(name).values(model.part.features, [])
        expected = model.metrics[name]
        if expected is None:
            assert np.isnan(value), name
        else:
            assert value == pytest.approx(expected, rel=1e-5), name


def test_a_part_of_the_rows_has_its_own_value(trained: dict[str, Trained]) -> None:
    model = trained["classification"]
    rows = np.flatnonzero(model.part.labels == 1)
    whole, part, nothing = model.scoring("accuracy").values(model.part.features, [rows, rows[:0]])
    predicted = model.predictor(model.part.features).labels
    assert whole == np.mean(predicted == model.part.labels)
    assert part == np.mean(predicted[rows] == 1)
    assert np.isnan(nothing)
