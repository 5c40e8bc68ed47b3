"""A threshold is chosen on validation rows for the selected epoch, stored with the model, and used by predictions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers.checkpoint import Checkpoint
from workers.data.registry import DatasetRegistry
from workers.nn.arrays import Array, Integers
from workers.plan import make_plan
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer
from workers.validation.errors import InvalidSpec

sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")

COUNTS = [300, 60]


@pytest.fixture(params=["second", "first"])
def parts(request: pytest.FixtureRequest, registry: DatasetRegistry) -> TrainingAndValidation:
    """Two classes that overlap; which of them is the rarer one."""
    counts = COUNTS if request.param == "second" else COUNTS[::-1]
    dataset = {"name": "synthetic", "counts": counts, "features": 3, "separation": 1.0}
    spec = ExperimentSpec.model_validate({"dataset": dataset})
    split = registry.prepare_split(spec.dataset, spec.split)
    return split.read("train"), split.read("validation")


def trained(parts: TrainingAndValidation, prediction: Any, **spec: Any) -> Trainer:
    given = {"model": {"hidden": [6]}, "training": {"epochs": 6}, "prediction": prediction}
    trainer = Trainer(ExperimentSpec.model_validate(given | spec), *parts, seed=3)
    list(trainer.epochs())
    return trainer


def predictor_of(trainer: Trainer) -> Predictor:
    model = Checkpoint.from_bytes(trainer.model().to_bytes())
    return Predictor(trainer.spec, model, classes=trainer.training_part.classes, image_shape=None)


def labelled(predictor: Predictor, rows: Array | Integers) -> tuple[Integers, Array]:
    predicted = predictor(rows)
    return predicted.labels, predicted.outputs


ORACLES: dict[str, Callable[..., float]] = {
    "f1": sklearn.f1_score,
    "balanced_accuracy": lambda y, predicted: sklearn.recall_score(y, predicted, average=None).mean(),
    "accuracy": sklearn.accuracy_score,
    "g_mean": lambda y, predicted: np.sqrt(sklearn.recall_score(y, predicted, average=None).prod()),
    "mcc": sklearn.matthews_corrcoef,
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("objective", ORACLES)
def test_no_other_threshold_does_better_on_the_validation_rows(
    parts: TrainingAndValidation, objective: str
) -> None:
    predictor = predictor_of(trained(parts, {"name": "threshold", "maximise": objective}))
    chosen, y = predictor.threshold, parts[1].labels
    assert chosen is not None
    assert chosen.positive == int(np.argmin(parts[0].counts))
    labels, outputs = labelled(predictor, parts[1].features)
    scores = outputs[:, chosen.positive]

    def value(predicted: Integers) -> float:
        return ORACLES[objective](y == chosen.positive, predicted == chosen.positive)

    every = [np.where(scores >= cut, chosen.positive, 1 - chosen.positive) for cut in [*scores, 2.0]]
    assert chosen.value == pytest.approx(value(labels))
    assert chosen.value == pytest.approx(max(map(value, every)))


@pytest.mark.parametrize("cost", [((0, 1), (9, 0)), ((0, 9), (1, 0)), ((-1, 2), (5, -3))])
def test_costs_are_those_of_the_classes_in_their_order(parts: TrainingAndValidation, cost: Any) -> None:
    predictor = predictor_of(trained(parts, {"name": "cost_threshold", "cost": cost}))
    chosen, y = predictor.threshold, parts[1].labels.astype(int)
    assert chosen is not None
    labels, outputs = labelled(predictor, parts[1].features)
    scores = outputs[:, chosen.positive]
    every = [np.where(scores >= cut, chosen.positive, 1 - chosen.positive) for cut in [*scores, 2.0]]
    means = [float(np.array(cost)[y, predicted].mean()) for predicted in every]
    assert chosen.value == pytest.approx(float(np.array(cost)[y, labels].mean()))
    assert chosen.value == pytest.approx(min(means))


def test_it_is_that_of_the_selected_epoch_and_not_of_the_last(parts: TrainingAndValidation) -> None:
    """The network goes on from where it was, so a resume after `model` would give the same bits."""
    stopping = {"epochs": 200, "early_stopping": {"metric": "nll", "patience": 1}}
    slow = {"optimizer": {"name": "sgd", "learning_rate": 1.0}, "training": stopping}
    trainer = trained(parts, "threshold", **slow)
    before = trainer.network.parameters.values.copy()
    assert trainer.best_weights is not None
    assert not np.array_equal(before, trainer.best_weights.arrays["parameters"]), (
        "the last epoch was selected"
    )
    predictor = predictor_of(trainer)
    assert np.array_equal(trainer.network.parameters.values, before)
    labels, _ = labelled(predictor, parts[1].features)
    assert predictor.threshold is not None
    assert predictor.threshold.value == pytest.approx(
        sklearn.balanced_accuracy_score(parts[1].labels, labels)
    )


def test_probabilities_and_epochs_are_those_without_a_threshold(parts: TrainingAndValidation) -> None:
    plain, moved = trained(parts, "argmax"), trained(parts, {"name": "threshold", "maximise": "f1"})
    rows = parts[1].features
    assert np.array_equal(predictor_of(plain)(rows).outputs, predictor_of(moved)(rows).outputs)
    assert plain.best.state() == moved.best.state()
    assert predictor_of(plain).threshold is None


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"dataset": "iris", "prediction": "threshold"}, "prediction", "two classes; the data have 3"),
    (
        {"dataset": "breast_cancer", "prediction": "threshold", "loss": "l2"},
        "prediction",
        "needs probabilities",
    ),
]


@pytest.mark.parametrize(("given", "path", "reason"), REFUSED, ids=["three classes", "no probabilities"])
def test_what_has_no_threshold_is_refused(
    registry: DatasetRegistry, given: dict[str, Any], path: str, reason: str
) -> None:
    with pytest.raises(InvalidSpec) as refused:
        make_plan(ExperimentSpec.model_validate(given), registry)
    assert [(error.path, reason in error.message) for error in refused.value.field_errors] == [(path, True)]


@pytest.mark.parametrize("cost", [((0, 0), (1, 0)), ((0, 1), (1, 2))])
def test_a_mistake_costs_more_than_a_right_prediction(cost: Any) -> None:
    with pytest.raises(ValueError, match="has to cost more"):
        ExperimentSpec.model_validate({"prediction": {"name": "cost_threshold", "cost": cost}})
