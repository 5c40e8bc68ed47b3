"""Steps on a table: our stepper encodes stored rows on the way, PyTorch reads rows that were encoded before."""

from collections.abc import Callable
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.frameworks import Steps
from benchmarks.large_table import LEVELS, MISSING, NUMBERS, TEXTS
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.spec import ExperimentSpec
from workers.step import split_into_steps
from workers.training import Trainer

ROWS, BATCH, HIDDEN = 200_000, 256, 128
COLUMNS = (
    *(Column(f"x{n}") for n in range(NUMBERS)),
    *(Column(f"c{n}", "category", tuple(f"level {level}" for level in range(LEVELS))) for n in range(TEXTS)),
)


def build_all() -> dict[str, Steps]:
    """The step functions of both, on the same rows."""
    draw = np.random.default_rng(0)
    features = np.empty((ROWS, NUMBERS + TEXTS), np.float32)
    features[:, :NUMBERS] = draw.normal(scale=100, size=(ROWS, NUMBERS))
    features[:, NUMBERS:] = draw.integers(0, LEVELS, (ROWS, TEXTS))
    features[draw.random(features.shape) < MISSING] = np.nan
    labels = (draw.random(ROWS) < 0.3).astype(np.int64)
    part = Dataset("table", features, labels, ("no", "yes"), columns=COLUMNS)
    spec = ExperimentSpec.model_validate({"model": {"hidden": [HIDDEN]}, "training": {"batch_size": BATCH}})
    trainer = Trainer(spec, part, part.take(np.arange(BATCH)), seed=0)
    encoded = np.empty((ROWS, trainer.scaler.width), np.float32)
    return {"holdout": _ours(trainer), "pytorch": _pytorch(trainer.scaler.into(features, encoded), labels)}


def _ours(trainer: Trainer) -> Steps:
    objective, stepper, number = trainer.task.objective(0), trainer.stepper, count(1)
    drawn = trainer.sampler(np.random.default_rng(0), np.random.default_rng(1))
    batches = split_into_steps(ROWS, BATCH, accumulate=1)

    def step() -> float:
        n = next(number)
        loss = stepper.value_and_grad(objective, drawn, batches[n % len(batches)])
        stepper.update(step=n, learning_rate=1e-3)
        return loss

    return _repeated(step)


def _pytorch(encoded: NDArray[np.float32], labels: NDArray[np.int64]) -> Steps:
    torch.set_num_threads(1)
    x, y, order = torch.from_numpy(encoded), torch.from_numpy(labels), torch.randperm(ROWS)
    model = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 2)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    loss_of, number = torch.nn.CrossEntropyLoss(), count()

    def step() -> float:
        rows = order[next(number) % (ROWS // BATCH) * BATCH :][:BATCH]
        optimizer.zero_grad()
        loss = loss_of(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return _repeated(step)


def _repeated(step: Callable[[], float]) -> Steps:
    return lambda times: [step() for _ in range(times)]
