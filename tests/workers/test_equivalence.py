"""Reweighting equals resampling: exactly, in the full-batch gradient under exact replication."""

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers.data.balancing import Draw
from workers.data.scaling import Standard
from workers.nn.class_weights import InverseFrequency
from workers.nn.losses import LDAM, AnyLoss, BalancedMSE
from workers.nn.models import MLP, Task
from workers.nn.network import build_network
from workers.nn.optimizers import SGD
from workers.objective import Objective
from workers.step import Stepper
from workers.tagged_union import members

pytestmark = pytest.mark.usefixtures("every_kernel_set")

COPIES = np.array([1, 3, 12])
"""Copies of each row, by class: iris, thinned to 24, 8 and 2 rows, becomes 24, 24 and 24."""


@pytest.mark.parametrize(
    "loss", [cls() for cls in members(AnyLoss) if cls not in (LDAM, BalancedMSE)], ids=lambda loss: loss.name
)
def test_the_gradient_of_replicated_rows_is_that_of_reweighted_ones(
    loss: AnyLoss, iris: TrainingAndValidation
) -> None:
    labels = iris[0].labels
    rows = np.concatenate([np.flatnonzero(labels == k)[: 24 // copies] for k, copies in enumerate(COPIES)])
    part = iris[0].take(rows)
    replicated = np.repeat(np.arange(len(part)), COPIES[part.labels])
    network = build_network(
        MLP(hidden=(8,)),
        Task(features=4, classes=3, output=loss.output),
        init=np.random.default_rng(0),
        dropout=np.random.default_rng(0),
        dtype=np.float64,
    )
    stepper = Stepper(network, SGD(), part, Standard().fit(part), clip_norm=None)
    function = loss.with_class_counts(np.array([24.0, 24.0, 24.0]))

    def gradient(rows: np.ndarray, weights: np.ndarray | None) -> tuple[float, np.ndarray]:
        value = stepper.value_and_grad(Objective(function, weights), Draw(rows), [slice(0, len(rows))])
        return value, network.parameters.gradient.copy()

    resampled = gradient(replicated, None)
    reweighted = gradient(np.arange(len(part)), InverseFrequency()(part.counts))
    assert resampled[0] == pytest.approx(reweighted[0], rel=1e-14)
    np.testing.assert_allclose(resampled[1], reweighted[1], rtol=1e-11, atol=1e-15)
    assert np.abs(resampled[1]).max() > 1e-4
