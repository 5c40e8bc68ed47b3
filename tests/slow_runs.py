"""Specs of runs that take long enough, on a machine of any speed, for a test to kill or cancel them midway."""

import math
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workers.data.registry import DatasetRegistry
from workers.spec import ExperimentSpec
from workers.training import Epoch, Trainer

EPOCH_SECONDS = 0.2
BATCH = 4
SHORTEST = {
    "dataset": {"name": "synthetic", "counts": [500, 500], "features": 32},
    "model": {"hidden": [64], "dropout": 0.1},
    "training": {"epochs": 8, "batch_size": BATCH},
}
"""So few rows that an epoch is short on every machine."""


@cache
def repetitions() -> int:
    """How many epochs of SHORTEST fit into EPOCH_SECONDS on this machine, once it is warm and idle.

    The fastest of several epochs counts: other work may slow the machine now and not later.
    """
    spec = ExperimentSpec.model_validate(SHORTEST)
    with TemporaryDirectory() as folder:
        parts = DatasetRegistry(Path(folder)).prepare_split(spec.dataset, spec.split)
        epochs = Trainer(spec, parts.read("train"), parts.read("validation"), seed=0).epochs()
        next(epochs)
        return math.ceil(EPOCH_SECONDS / min(_seconds(epochs) for _ in range(6)))


def _seconds(epochs: Iterator[Epoch]) -> float:
    """How long the next epoch takes."""
    started = time.perf_counter()
    next(epochs)
    return time.perf_counter() - started


def long_spec(**training: object) -> dict[str, Any]:
    """A spec of eight epochs, unless `training` changes that, of about EPOCH_SECONDS each."""
    rows = 500 * repetitions()
    return SHORTEST | {
        "dataset": {"name": "synthetic", "counts": [rows, rows], "features": 32},
        "training": {"epochs": 8, "batch_size": BATCH} | training,
    }


def endless_spec(**training: object) -> dict[str, Any]:
    """A spec of more epochs than any test waits for."""
    return long_spec(epochs=10_000, **training)
