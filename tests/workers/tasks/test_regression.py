"""Regressions in training: against PyTorch, scikit-learn and the lesson on L1 and L2."""

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import convolve1d
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge

from tests.pytorch import functional, torch
from tests.workers.evaluation.metrics.oracles import NUMBER_ORACLES
from tests.workers.tasks.cases import diabetes, numbers, trained
from workers.linear_baselines import constant_baselines, fit_baseline, linear_specs
from workers.nn.arrays import Array
from workers.nn.density_weights import DensityWeights, width_bins
from workers.predictor import Predictor
from workers.spec import ExperimentSpec
from workers.tasks.regression import in_width_bins
from workers.training import Trainer

EPOCHS = 3
NETWORK: dict[str, Any] = {
    "model": {"hidden": [16], "activation": "tanh"},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "training": {"epochs": EPOCHS, "batch_size": 512, "precision": "float64"},
}
TORCH_LOSSES: dict[str, tuple[Any, Any]] = {
    "l2": ({"name": "l2"}, lambda z, y: functional.mse_loss(z, y) / 2),
    "l1": ({"name": "l1"}, lambda z, y: functional.l1_loss(z, y)),
    "huber": ({"name": "huber", "delta": 0.5}, lambda z, y: functional.huber_loss(z, y, delta=0.5)),
    "barron": (
        {"name": "barron", "alpha": 0.5, "c": 0.7},
        lambda z, y: (3 * ((((z - y) / 0.7) ** 2 / 1.5 + 1) ** 0.25 - 1)).mean(),
    ),
    "quantile": (
        {"name": "quantile", "quantile": 0.8},
        lambda z, y: torch.maximum(0.8 * (y - z), -0.2 * (y - z)).mean(),
    ),
}


@pytest.mark.parametrize("name", TORCH_LOSSES)
def test_a_network_is_that_of_pytorch_in_double_precision(name: str) -> None:
    """Full batches: the order of the rows makes no difference but in the last digits of sums."""
    loss, oracle = TORCH_LOSSES[name]
    training, validation = diabetes()
    spec = ExperimentSpec.model_validate(NETWORK | {"loss": loss})
    start = Trainer(spec, training, validation, seed=0)
    layers = [
        {key: torch.tensor(array.copy(), requires_grad=True) for key, array in views.items()}
        for views in start.network.parameters.views(start.network.parameters.values)
        if views
    ]
    x = torch.tensor(start.scaler.into(training.features, np.empty(training.features.shape)))
    targets = np.asarray(training.targets, np.float64)
    y = torch.tensor((targets - targets.mean()) / targets.std())[:, None]
    for _ in range(EPOCHS):
        hidden = torch.tanh(x @ layers[0]["weight"] + layers[0]["bias"])
        value = oracle(hidden @ layers[1]["weight"] + layers[1]["bias"], y)
        value.backward()
        with torch.no_grad():
            for parameter in (each for layer in layers for each in layer.values()):
                parameter -= 0.05 * parameter.grad
                parameter.grad = None
    trainer = trained(NETWORK | {"loss": loss}, training, validation)
    mine = [views for views in trainer.network.parameters.views(trainer.network.parameters.values) if views]
    for found, expected in zip(mine, layers, strict=True):
        for key, array in found.items():
            np.testing.assert_allclose(array, expected[key].detach().numpy(), rtol=1e-10, atol=1e-10)


def test_metrics_are_those_of_scikit_learn_on_the_original_scale() -> None:
    training, validation = diabetes()
    trainer = trained({"training": {"epochs": 2}}, training, validation)
    results = trainer.row_results(np.arange(len(validation)))
    assert results is not None
    assert results.prediction is not None
    assert validation.targets is not None
    rmse = NUMBER_ORACLES["rmse"](validation.targets, results.prediction)
    assert trainer.best.value == pytest.approx(rmse, rel=1e-12)
    evaluation, _ = trainer.evaluate_selected(validation, np.arange(len(validation)))
    for name, oracle in NUMBER_ORACLES.items():
        expected = oracle(validation.targets, results.prediction)
        assert evaluation.metrics[name] == pytest.approx(expected, rel=1e-10), name
    bins = evaluation.per_class()
    for k in range(len(validation.classes)):
        rows = validation.labels == k
        errors = results.prediction[rows] - validation.targets[rows]
        assert bins["support"][k] == rows.sum()
        assert bins["mae"][k] == pytest.approx(np.abs(errors).mean())
        assert bins["rmse"][k] == pytest.approx(np.sqrt((errors**2).mean()))
        assert bins["bias"][k] == pytest.approx(errors.mean())


def test_the_stored_model_predicts_in_the_unit_of_the_target() -> None:
    training, validation = diabetes()
    trainer = trained({"training": {"epochs": 2}}, training, validation)
    results = trainer.row_results(np.arange(len(validation)))
    predictor = Predictor(trainer.spec, trainer.model(), classes=training.classes, image_shape=None)
    assert {"target.offset", "target.scale"} <= predictor.tensors().keys()
    assert results is not None
    np.testing.assert_allclose(predictor(validation.features).outputs[:, 0], results.prediction, rtol=1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("weights", ["none", "inverse_density"])
def test_the_linear_model_is_ridge(weights: str) -> None:
    training, validation = diabetes()
    spec: dict[str, Any] = {
        "model": {"name": "linear", "l2": 0.01},
        "class_weights": weights,
        "training": {"precision": "float64"},
    }
    trainer = trained(spec, training, validation)
    (layer,) = trainer.network.parameters.views(trainer.network.parameters.values)
    x = trainer.scaler.into(training.features, np.empty(training.features.shape))
    targets = np.asarray(training.targets)
    y = (targets - targets.mean()) / targets.std()
    rows = np.ones(len(y))
    if weights != "none":
        rows = DensityWeights.fit(targets, bins=50, kernel=5, sigma=2.0)(targets)
    ridge = Ridge(alpha=0.01 * rows.sum()).fit(x, y, sample_weight=rows)
    np.testing.assert_allclose(layer["weight"][:, 0], ridge.coef_, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(layer["bias"], ridge.intercept_, rtol=1e-8, atol=1e-12)


def test_the_penalty_of_ridge_is_the_best_on_the_rows_held_back() -> None:
    training, validation = diabetes()
    trainer = trained({"model": "linear"}, training, validation)
    x = trainer.scaler.into(training.features, np.empty(training.features.shape))
    y = np.asarray(training.targets)
    order = np.argsort(training.labels, kind="stable")
    held_back, rest = order[2::5], np.delete(order, np.s_[2::5])

    def error(l2: float) -> float:
        found = Ridge(alpha=l2 * len(rest)).fit(x[rest], y[rest]).predict(x[held_back])
        return float(np.mean((found - y[held_back]) ** 2))

    assert trainer.linear is not None
    assert trainer.linear.l2 == min((1.0, 1e-1, 1e-2, 1e-3, 1e-4), key=error)


def test_the_baselines_are_the_mean_the_median_and_ridge() -> None:
    training, validation = diabetes()
    trainer = trained({"training": {"epochs": 1}}, training, validation)
    for baseline in constant_baselines(trainer, validation):
        dummy = DummyRegressor(strategy=baseline.name).fit(training.features, training.targets)
        expected = dummy.predict(validation.features)
        for name, oracle in NUMBER_ORACLES.items():
            assert baseline.metrics[name] == pytest.approx(oracle(validation.targets, expected), abs=1e-9)  # type: ignore[arg-type]
        assert baseline.predicted_value == pytest.approx(expected[0])
    ((name, spec),) = linear_specs(trainer.spec).items()
    ridge = fit_baseline(name, spec, training, validation, trainer.scaler)
    assert ridge.name == "ridge"
    assert (ridge.metrics["rmse"] or 0) < 60


def test_with_outliers_l1_finds_the_median_and_l2_the_mean() -> None:
    """The lesson of the notebook: features that say nothing leave the constant that the loss estimates."""
    stream = np.random.default_rng(5)
    targets = np.r_[stream.normal(10, 1, 380), stream.normal(500, 10, 20)]
    part = numbers(stream.normal(size=(400, 1)) * 0 + 1, targets)
    found: dict[str, float] = {}
    for loss in ("l1", "l2"):
        spec: dict[str, Any] = {
            "loss": loss,
            "model": {"hidden": []},
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "training": {"epochs": 200, "batch_size": 400, "schedule": "cosine"},
        }
        trainer = trained(spec, part, part)
        logits = trainer.network.logits(part.features, trainer.scaler.into)
        found[loss] = float(logits[0, 0]) * targets.std() + targets.mean()
    assert found["l1"] == pytest.approx(np.median(targets), abs=1)
    assert found["l2"] == pytest.approx(np.mean(targets), abs=1)


def test_density_weights_are_the_inverse_of_the_smoothed_counts() -> None:
    """Against scipy: label distribution smoothing of Yang et al. 2021."""
    targets = np.random.default_rng(1).gamma(2, 10, 500)
    found = DensityWeights.fit(targets, bins=40, kernel=5, sigma=2.0)
    counts, edges = np.histogram(targets, bins=40)
    window = np.exp(-(np.arange(-2, 3) ** 2) / 8)
    smoothed = convolve1d(counts.astype(float), window / window.sum(), mode="constant")
    expected = 1 / smoothed[np.clip(np.digitize(targets, edges) - 1, 0, 39)]
    np.testing.assert_allclose(found(targets), expected / expected.mean(), rtol=1e-12)


def test_the_weighted_gradient_is_that_of_rows_repeated_by_their_weights() -> None:
    training, validation = diabetes()
    weighted = trained({"class_weights": "inverse_density", "training": {"epochs": 1}}, training, validation)
    objective = weighted.task.objective(0)
    rows = np.arange(8)
    logits: Array = np.linspace(-1, 1, 8)[:, None]
    gradient = np.empty_like(logits)
    value = objective.plan_value_and_grad(logits, rows, gradient)(objective.total_weight(rows))
    assert objective.weights is not None
    weights = objective.weights[rows].astype(np.float64)
    targets = np.asarray(training.targets)
    y = ((targets - targets.mean()) / targets.std())[:8]
    assert value == pytest.approx(np.average((logits[:, 0] - y) ** 2 / 2, weights=weights), rel=1e-5)
    np.testing.assert_allclose(gradient[:, 0], weights * (logits[:, 0] - y) / weights.sum(), rtol=1e-4)


def test_oversampling_draws_equally_wide_bins_equally_often() -> None:
    training, _ = diabetes()
    balanced = in_width_bins(training)
    low, high = float(np.min(balanced.targets)), float(np.max(balanced.targets))  # type: ignore[arg-type]
    counts, _ = np.histogram(balanced.targets, bins=10, range=(low, high))  # type: ignore[arg-type]
    np.testing.assert_array_equal(balanced.counts, counts[counts > 0])
    trainer = trained({"balancing": "oversample", "training": {"epochs": 1}}, *diabetes())
    draw = trainer.sampler(np.random.default_rng(0), np.random.default_rng(1))
    drawn = np.bincount(balanced.labels[draw.rows])
    np.testing.assert_array_equal(drawn, counts.max())
    assert trainer.sampled_counts.sum() == pytest.approx(len(draw.rows))


def test_a_resumed_run_has_the_same_bits() -> None:
    training, validation = diabetes()
    spec: dict[str, Any] = {
        "class_weights": "inverse_density",
        "training": {"epochs": 4},
        "model": {"dropout": 0.2},
    }
    whole = trained(spec, training, validation)
    first = Trainer(whole.spec, training, validation, seed=0)
    epochs = first.epochs()
    next(epochs), next(epochs)
    second = Trainer(whole.spec, training, validation, seed=0)
    second.restore(first.checkpoint())
    for _ in second.epochs():
        pass
    np.testing.assert_array_equal(second.network.parameters.values, whole.network.parameters.values)
    assert second.best.value == whole.best.value


def test_bins_beyond_the_ends_are_the_last_ones() -> None:
    np.testing.assert_array_equal(width_bins(np.array([-5.0, 0, 5, 10, 99]), 0, 10, 2), [0, 0, 1, 1, 1])
