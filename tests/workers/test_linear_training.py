"""The linear model: solved, equal to scikit-learn's, resumed to the same bits, and the same code as the baselines."""

from typing import Any

import numpy as np
import pytest

from workers.checkpoint import Checkpoint
from workers.data.registry import DatasetRegistry
from workers.linear_baselines import changed_fields, fit_baseline, linear_specs
from workers.nn import softmax_regression
from workers.plan import make_plan
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.training import Trainer

L2 = 1e-3
THINNED = {"name": "digits", "imbalance": {"kind": "step", "ratio": 20}}
FEW = {"name": "breast_cancer", "imbalance": {"kind": "step", "ratio": 10}}
"""A model of them is solved in a fraction of the time of one of digits."""


def trainer_of(registry: DatasetRegistry, **given: Any) -> Trainer:
    plan = make_plan(ExperimentSpec.model_validate(given), registry)
    split = registry.prepare_split(plan.spec.dataset, plan.spec.split)
    return Trainer(plan.spec, split.read("train"), split.read("validation"), seed=0)


def oracle(trainer: Trainer, weights: Any = None) -> Any:
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is the oracle")
    features, labels = scaled(trainer, "training_part"), trainer.training_part.labels
    total = len(labels) if weights is None else weights.sum()
    model = linear_model.LogisticRegression(
        C=1 / (L2 * total), solver="newton-cg", tol=1e-12, max_iter=10_000
    )
    return model.fit(features, labels, weights)


def scaled(trainer: Trainer, part: str) -> Any:
    features = getattr(trainer, part).features
    return trainer.scaler.into(features, np.empty(features.shape))


def layer(trainer: Trainer) -> dict[str, Any]:
    (views,) = trainer.network.parameters.views(trainer.network.parameters.values)
    return views


@pytest.mark.parametrize("dataset", ["iris", "wine", "digits"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_model_is_scikit_learn_s_to_one_in_a_million(
    dataset: str, precision: str, registry: DatasetRegistry
) -> None:
    given = {"model": {"name": "linear", "l2": L2}, "dataset": dataset, "training": {"precision": precision}}
    trainer = trainer_of(registry, **given)
    (epoch,) = trainer.epochs()
    expected = oracle(trainer)
    np.testing.assert_allclose(layer(trainer)["weight"], expected.coef_.T, atol=1e-6)
    centred = expected.intercept_ - expected.intercept_.mean()
    np.testing.assert_allclose(layer(trainer)["bias"], centred, atol=1e-6)
    validation = scaled(trainer, "validation_part"), trainer.validation_part.labels
    assert epoch.validation.accuracy == expected.score(*validation)
    predictor = Predictor(
        trainer.spec,
        trainer.model(),
        classes=trainer.training_part.classes,
        image_shape=trainer.training_part.shape,
    )
    outputs = predictor(trainer.validation_part.features).outputs
    np.testing.assert_allclose(outputs, expected.predict_proba(validation[0]), atol=1e-6)


@pytest.mark.parametrize(
    "given",
    [
        {"balancing": "oversample"},
        {"balancing": {"name": "undersample", "target_ratio": 0.5}},
        {"balancing": "weighted_sampler"},
        {"class_weights": "inverse_frequency"},
        {
            "balancing": {"name": "oversample", "target_ratio": 0.5},
            "class_weights": {"name": "given", "weights": list(range(1, 11))},
        },
    ],
)
def test_balancing_and_class_weights_weight_the_rows(
    given: dict[str, Any], registry: DatasetRegistry
) -> None:
    trainer = trainer_of(
        registry,
        model={"name": "linear", "l2": L2},
        dataset=THINNED,
        training={"precision": "float64"},
        **given,
    )
    list(trainer.epochs())
    counts = trainer.training_part.counts
    sampled = trainer.spec.balancing.expected_counts(counts)
    factors = sampled / counts
    weights = trainer.spec.class_weights(sampled)
    factors = factors if weights is None else factors * weights
    expected = oracle(trainer, factors[trainer.training_part.labels])
    np.testing.assert_allclose(layer(trainer)["weight"], expected.coef_.T, atol=2e-6)


@pytest.mark.parametrize("loss", ["balanced_softmax", {"name": "logit_adjustment", "tau": 0.5}])
def test_a_loss_that_shifts_logits_is_at_its_minimum(loss: Any, registry: DatasetRegistry) -> None:
    """The gradient of the loss itself, with its penalty, vanishes at the solution."""
    trainer = trainer_of(
        registry,
        model={"name": "linear", "l2": L2},
        dataset=THINNED,
        loss=loss,
        training={"precision": "float64"},
    )
    list(trainer.epochs())
    features, labels = scaled(trainer, "training_part"), trainer.training_part.labels
    function = trainer.spec.loss.with_class_counts(trainer.sampled_counts)
    _, gradient = function(features @ layer(trainer)["weight"] + layer(trainer)["bias"], labels)
    of_weight = features.T @ gradient / len(labels) + L2 * layer(trainer)["weight"]
    assert np.abs(of_weight).max() < 1e-8
    assert np.abs(gradient.mean(axis=0)).max() < 1e-8


def is_choosing(trainer: Trainer) -> bool:
    return trainer.linear is not None and trainer.linear.l2 is None


class Interruption(Exception):
    """Ends a run between two passes over the rows."""


def test_a_run_that_is_resumed_from_its_checkpoints_has_the_same_bits(
    registry: DatasetRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted while a penalty is being tried, and while the model is being solved, whose rounds are longer."""
    monkeypatch.setattr(softmax_regression, "ITERATIONS_PER_ROUND", 10)
    whole = trainer_of(registry, model="linear", dataset=THINNED)
    list(whole.epochs())
    calls = 0

    def interrupt() -> None:
        nonlocal calls
        calls += 1
        if calls == (60 if is_choosing(trainer) else 400):
            calls = 0
            raise Interruption

    trainer = trainer_of(registry, model="linear", dataset=THINNED)
    states: list[dict[str, Any]] = []
    while trainer.epoch == 0:
        try:
            list(trainer.epochs(interrupt))
        except Interruption:
            checkpoint = Checkpoint.from_bytes(trainer.checkpoint().to_bytes())
            states.append(checkpoint.state["solver"])
            assert len(states) < 100, "a round takes more passes"
            trainer = trainer_of(registry, model="linear", dataset=THINNED)
            trainer.restore(checkpoint)
            assert trainer.checkpoint().to_bytes() == checkpoint.to_bytes()
    assert {state["l2"] is None for state in states} == {True, False}
    assert any(state.get("losses") for state in states)
    np.testing.assert_array_equal(trainer.network.parameters.values, whole.network.parameters.values)
    assert trainer.linear is not None
    assert whole.linear is not None
    assert trainer.linear.l2 == whole.linear.l2
    assert list(trainer.epochs()) == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"loss": "focal", "balancing": "oversample"},
        {"balancing": "smote", "dataset": {**FEW, "imbalance": {"kind": "step", "ratio": 5}}},
        {"class_weights": "inverse_frequency", "loss": "l2", "scaling": "standard"},
        {"loss": "balanced_softmax", "prediction": "logit_adjusted", "model": {"hidden": []}},
    ],
)
def test_the_changes_of_a_baseline_train_exactly_it(given: dict[str, Any], registry: DatasetRegistry) -> None:
    """What a client gets that merges `changes` into its spec has all figures of the baseline."""
    given = {"dataset": FEW, **given}
    network = trainer_of(registry, **given)
    specs = linear_specs(network.spec)
    assert list(specs) == (["linear", "linear_balanced"] if len(given) > 1 else ["linear"])
    for name, spec in specs.items():
        baseline = fit_baseline(name, spec, network.training_part, network.validation_part, network.scaler)
        (epoch,) = trainer_of(registry, **{**given, **changed_fields(network.spec, spec)}).epochs()
        assert baseline.metrics == epoch.validation.metrics
        assert baseline.recalls == epoch.validation.per_class()["accuracy"]


def test_fitting_a_baseline_counts_the_rows_far_from_training(registry: DatasetRegistry) -> None:
    """Pixels of digits that are blank in almost all images of training, scaled one by one as earlier versions did."""
    trainer = trainer_of(registry, scaling="standard", split={"seed": 1})
    validation = trainer.validation_part.take(np.arange(100))
    (blank,) = np.flatnonzero(trainer.training_part.features.max(axis=0) == 1)[:1]
    validation.features[3, blank] = 16
    (spec,) = linear_specs(trainer.spec).values()
    baseline = fit_baseline("linear", spec, trainer.training_part, validation, trainer.scaler)
    assert baseline.far_rows is not None
    assert baseline.far_rows["rows"] >= 1
    assert baseline.far_rows["features"][0] == blank
    far = trainer.scaler(validation.features)[3, blank]
    assert baseline.far_rows["largest"][0] == pytest.approx(far)


def test_a_linear_model_has_one_epoch_whatever_is_asked(registry: DatasetRegistry) -> None:
    plan = make_plan(ExperimentSpec.model_validate({"model": "linear", "training": {"epochs": 7}}), registry)
    assert (plan.spec.training.epochs, plan.steps) == (1, 0)
    split = registry.prepare_split(plan.spec.dataset, plan.spec.split)
    unresolved = ExperimentSpec.model_validate({"model": "linear", "dataset": "digits"})
    trainer = Trainer(unresolved, split.read("train"), split.read("validation"), seed=0)
    (epoch,) = trainer.epochs()
    assert (epoch.number, epoch.best_epoch, epoch.learning_rate) == (1, 1, None)
    assert epoch.gradient_norm < 1e-9
