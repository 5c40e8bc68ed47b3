"""Training against scikit-learn's MLPClassifier: the same weights and batches give the same losses."""

from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers.data.balancing import Draw
from workers.data.scaling import Standard
from workers.nn.activations import Relu
from workers.nn.losses import CrossEntropy
from workers.nn.models import MLP, Task
from workers.nn.network import build_network
from workers.nn.optimizers import SGD
from workers.objective import Objective
from workers.step import Stepper, split_into_steps

neural_network = pytest.importorskip(
    "sklearn.neural_network", reason="scikit-learn is the oracle; install holdout[oracles]"
)

pytestmark = pytest.mark.usefixtures("every_kernel_set")

BATCH, EPOCHS, RATE, MOMENTUM, ALPHA = 32, 20, 0.05, 0.9, 1e-2
HIDDEN = (24, 16)


def test_the_loss_curve_of_sgd_with_nesterov_and_l2_equals_scikit_learns(
    digits: TrainingAndValidation,
) -> None:
    training = digits[0].take(np.arange(len(digits[0]) // BATCH * BATCH))
    scaler = Standard().fit(training)
    network = build_network(
        MLP(hidden=HIDDEN, activation=Relu()),
        Task(features=64, classes=10),
        init=np.random.default_rng(0),
        dropout=np.random.default_rng(0),
        dtype=np.float64,
    )
    theirs = sklearn_losses(network.parameters.views(network.parameters.values), training, scaler)
    optimizer = SGD(
        learning_rate=RATE, momentum=MOMENTUM, momentum_form="nesterov", weight_decay=ALPHA / BATCH
    )
    stepper = Stepper(network, optimizer, training, scaler, clip_norm=None)
    ours = [epoch_loss(stepper, epoch, len(training)) for epoch in range(EPOCHS)]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    assert ours[-1] < ours[0] / 4


def epoch_loss(stepper: Stepper, epoch: int, rows: int) -> float:
    """Train one epoch in the order of the rows. Returns the mean of loss and penalty before each update."""
    draw, losses = Draw(np.arange(rows)), []
    weights = slice(0, stepper.parameters.decayed)
    steps = split_into_steps(rows, BATCH, 1)
    for index, step in enumerate(steps):
        loss = stepper.value_and_grad(Objective(CrossEntropy(), None), draw, step)
        penalty = ALPHA / 2 * np.sum(stepper.parameters.values[weights] ** 2) / BATCH
        losses.append(loss + penalty)
        stepper.update(step=epoch * len(steps) + index + 1, learning_rate=RATE)
    return float(np.mean(losses))


def sklearn_losses(views: list[dict[str, Any]], training: Any, scaler: Any) -> list[float]:
    """The loss curve of MLPClassifier from the same initial weights, without shuffling."""
    layers = [view for view in views if view]
    features = scaler.into(training.features, np.empty(training.features.shape))
    initial = [(view["weight"].copy(), view["bias"].copy()) for view in layers]

    class Classifier(neural_network.MLPClassifier):  # type: ignore[misc, name-defined]
        def _init_coef(self, *_: Any) -> Any:
            return initial.pop(0)

    classifier = Classifier(
        HIDDEN, solver="sgd", alpha=ALPHA, batch_size=BATCH, learning_rate_init=RATE, momentum=MOMENTUM
    )
    classifier.set_params(max_iter=EPOCHS, shuffle=False, tol=0.0, n_iter_no_change=10**6)
    with pytest.warns(Warning, match="Maximum iterations"):
        classifier.fit(features, training.labels)
    curve: list[float] = classifier.loss_curve_
    return curve
