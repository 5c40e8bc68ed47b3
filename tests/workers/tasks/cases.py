"""Data sets and trainers for the tests of regressions."""

from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes

from workers.data.dataset import Dataset
from workers.data.target_bins import bin_targets
from workers.spec import ExperimentSpec
from workers.training import Trainer


def numbers(features: Any, targets: Any) -> Dataset:
    """A data set of numbers to predict."""
    labels, bins = bin_targets(targets)
    y = np.asarray(targets, np.float64)
    return Dataset("numbers", np.asarray(features, np.float32), labels, bins, targets=y)


def diabetes() -> tuple[Dataset, Dataset]:
    """Training and validation rows."""
    data = load_diabetes(scaled=False)
    whole, order = numbers(data.data, data.target), np.random.default_rng(0).permutation(len(data.target))
    return whole.take(order[:350]), whole.take(order[350:])


def trained(spec: dict[str, Any], training: Dataset, validation: Dataset, *, seed: int = 0) -> Trainer:
    """The trainer of a spec, at its end."""
    trainer = Trainer(ExperimentSpec.model_validate(spec), training, validation, seed=seed)
    for _ in trainer.epochs():
        pass
    return trainer
