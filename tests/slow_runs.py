"""Runs that last: long enough, on a machine of any speed, to be killed in the middle of."""

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
"""Of so few rows that it lasts nowhere too long."""


@cache
def repetitions() -> int:
    """How often an epoch of SHORTEST goes into EPOCH_SECONDS on this machine, once it is warm and left alone.

    The fastest of several counts: what else the machine does at this moment, it may not do later.
    """
    spec = ExperimentSpec.model_validate(SHORTEST)
    with TemporaryDirectory() as folder:
        parts = DatasetRegistry(Path(folder)).parts(spec.dataset, spec.split)
        epochs = Trainer(spec, parts.read("train"), parts.read("validation"), seed=0).epochs()
        next(epochs)
        return math.ceil(EPOCH_SECONDS / min(_seconds(epochs) for _ in range(6)))


def _seconds(epochs: Iterator[Epoch]) -> float:
    """Of the next one."""
    started = time.perf_counter()
    next(epochs)
    return time.perf_counter() - started


def long_spec(**training: object) -> dict[str, Any]:
    """Eight epochs, unless said otherwise, of about EPOCH_SECONDS each."""
    rows = 500 * repetitions()
    return SHORTEST | {
        "dataset": {"name": "synthetic", "counts": [rows, rows], "features": 32},
        "training": {"epochs": 8, "batch_size": BATCH} | training,
    }


def endless_spec(**training: object) -> dict[str, Any]:
    """More epochs than any test waits for."""
    return long_spec(epochs=10_000, **training)
