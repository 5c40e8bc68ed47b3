"""A training step allocates nothing of the size of a batch, and accumulation changes nothing."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from workers.data.balancing import Draw
from workers.data.dataset import Dataset
from workers.data.scaling import Standard
from workers.nn.losses import AnyLoss, BalancedSoftmax, CrossEntropy, Focal
from workers.nn.models import MLP, ConvNet, Model, Task
from workers.nn.network import build_network
from workers.nn.optimizers import SGD, Adam, AdamW, AnyOptimizer, RMSprop
from workers.objective import Objective
from workers.step import Stepper, split_into_steps

pytestmark = pytest.mark.usefixtures("every_kernel_set")

ROWS, BATCH, SIDE = 2048 + 64, 512, 16
MODELS: dict[str, Model] = {
    "plain": MLP(hidden=(512, 256)),
    "batch norm and dropout": MLP(hidden=(512, 256), batch_norm=True, dropout=0.2, input_dropout=0.1),
    "convolution": ConvNet(filters=(4, 8), hidden=(32,), dropout=0.2),
}

CASES: list[tuple[str, AnyOptimizer, AnyLoss]] = [
    *((model, Adam(), CrossEntropy(label_smoothing=0.1)) for model in MODELS),
    *(("plain", optimizer, CrossEntropy()) for optimizer in (AdamW(), SGD(momentum=0.9), RMSprop())),
    *(("plain", Adam(), loss) for loss in (Focal(), BalancedSoftmax())),
]


def stepper(model: Model, optimizer: AnyOptimizer, stored: Any = np.uint8) -> Stepper:
    generator = np.random.default_rng(0)
    features = generator.integers(0, 256, (ROWS, SIDE * SIDE)).astype(stored)
    part = Dataset("bytes", features, generator.integers(0, 10, ROWS), tuple("abcdefghij"))
    task = Task(SIDE * SIDE, 10, (SIDE, SIDE, 1))
    network = build_network(model, task, init=generator, dropout=generator)
    return Stepper(network, optimizer, part, Standard().fit(part), clip_norm=1.0)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("model", "optimizer", "loss"), CASES, ids=lambda case: getattr(case, "name", case))
def test_no_step_allocates_anything_of_the_size_of_a_batch_or_the_parameters(
    model: str, optimizer: AnyOptimizer, loss: AnyLoss
) -> None:
    taking = stepper(MODELS[model], optimizer)
    objective = Objective(
        loss.with_class_counts(np.arange(1, 11)), np.linspace(0.5, 2, 10).astype(np.float32)
    )
    draw, steps = Draw(np.random.default_rng(1).permutation(ROWS)), split_into_steps(ROWS, BATCH, 1)

    def epoch(first: int) -> None:
        for number, step in enumerate(steps, start=first):
            taking.value_and_grad(objective, draw, step)
            taking.update(step=number, learning_rate=1e-3)

    epoch(1)  # plans the batches, the smaller last one too
    tracemalloc.start()
    try:
        epoch(len(steps) + 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    batch = BATCH * SIDE * SIDE * 4
    assert peak < batch / 2, f"{peak:,} bytes, where a batch has {batch:,}"


@pytest.mark.parametrize("stored", [np.uint8, np.float32])
def test_micro_batches_of_unequal_sizes_add_up_to_the_whole_batch(stored: Any) -> None:
    taking, objective = stepper(MODELS["plain"], Adam(), stored), Objective(CrossEntropy(), None)
    draw = Draw(np.arange(ROWS))
    whole = taking.value_and_grad(objective, draw, [slice(0, 600)])
    expected = taking.parameters.gradient.copy()
    parts = taking.value_and_grad(objective, draw, [slice(0, 256), slice(256, 512), slice(512, 600)])
    assert parts == pytest.approx(whole, rel=1e-5)
    np.testing.assert_allclose(taking.parameters.gradient, expected, rtol=1e-3, atol=1e-6)
