"""Measure the report on corrupted rows of MNIST against a bare NumPy loop over the same corruptions and predictions.

Run: python -m benchmarks.robustness [--repeats 3]. HOLDOUT_MNIST names the folder of MNIST. The loop corrupts the
rows by the same formulas, predicts with three matrix products, and counts the accuracy: no bytes between, no classes,
no intervals, no steps that are kept. Both run in this process, in turn, and their processor time counts.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workers import blas

blas.configure(os.environ)  # before NumPy is imported

# ruff: noqa: E402
import numpy as np

from benchmarks.service.memory import MNIST
from workers.checkpoint import Checkpoint
from workers.corruptions.corruption import SEVERITIES
from workers.corruptions.images import IMAGE_CORRUPTIONS
from workers.data.registry import DatasetRegistry
from workers.jobs.messages import AssignedModel, JobAssignment, JobSucceeded
from workers.jobs.process import events
from workers.nn.arrays import Array, Integers
from workers.spec import ExperimentSpec
from workers.training import Trainer

SPEC = {"dataset": "mnist", "model": {"hidden": [128, 64]}, "training": {"epochs": 2}, "scaling": "unit"}


def main() -> None:
    """Print the seconds of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(MNIST, Path(folder) / "datasets" / "mnist")
        assignment, rows, labels, arrays = _trained(Path(folder))
        _agree(assignment, rows, labels, arrays)
        ours, bare = [], []
        for _ in range(repeats):
            bare.append(_seconds(lambda: _loop(rows, labels, arrays)))
            ours.append(_seconds(lambda: list(events(assignment))))
    cells = len(IMAGE_CORRUPTIONS) * len(SEVERITIES)
    print(f"{cells} corruptions and severities of {len(rows):,} rows of MNIST, median of {repeats}:")
    a, b = float(np.median(ours)), float(np.median(bare))
    print(f"report {a:.2f} s, bare NumPy loop {b:.2f} s of processor time: {a / b:.2f} times")


def _trained(folder: Path) -> tuple[JobAssignment, Array, Integers, dict[str, Array]]:
    spec = ExperimentSpec.model_validate(SPEC)
    prepared = DatasetRegistry(folder).prepare_split(spec.dataset, spec.split)
    validation = prepared.read("validation")
    trainer = Trainer(spec, prepared.read("train"), validation, seed=0)
    for _ in trainer.epochs():
        pass
    content = trainer.model().to_bytes()
    model = AssignedModel(0, 0, 0, content, prepared.folder)
    assignment = JobAssignment(
        kind="robustness",
        spec=spec.model_dump_json(),
        request={"corruptions": None},
        models=[model],
        classes=validation.classes,
        shape=validation.shape,
        class_counts=validation.counts.tolist(),
        steps={},
    )
    layers = trainer.network.parameters
    arrays = {
        f"{index}.{name}": np.array(array)
        for index, views in enumerate(layers.views(Checkpoint.from_bytes(content).arrays["parameters"]))
        for name, array in views.items()
    }
    return assignment, np.asarray(validation.features), validation.labels, arrays


def _loop(rows: Array, labels: Integers, arrays: dict[str, Array]) -> list[float]:
    """The accuracy under each corruption in each severity."""
    images = (rows.astype(np.float32) / np.float32(255)).reshape(-1, 28, 28, 1)
    return [
        float((_predict(corruption(images, severity, np.random.default_rng(0)), arrays) == labels).mean())
        for corruption in IMAGE_CORRUPTIONS
        for severity in SEVERITIES
    ]


def _predict(images: Array, arrays: dict[str, Array]) -> Integers:
    found, weights = images.reshape(len(images), -1), list(arrays.values())
    for index in range(0, len(weights), 2):
        found = found @ weights[index] + weights[index + 1]
        if index < len(weights) - 2:
            found = np.maximum(found, 0)
    labels: Integers = found.argmax(axis=1)
    return labels


def _agree(assignment: JobAssignment, rows: Array, labels: Integers, arrays: dict[str, Array]) -> None:
    """Both measure the same: but for other random numbers and bytes between, the accuracies are equal."""
    last = list(events(assignment))[-1]
    assert isinstance(last, JobSucceeded), last
    measured = [each["figures"][0]["value"] for each in last.result["items"]]
    assert np.abs(np.array(measured) - _loop(rows, labels, arrays)).max() < 0.03


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
