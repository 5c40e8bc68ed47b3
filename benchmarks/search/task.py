"""The task that all searches share: the rows, the space, the number of candidates and epochs, and what is compared.

Everything is in the folder that a search reads: three files of standardised rows and task.json. The labels of the
held-back rows stay out of it.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Dataset
from workers.data.registry import DatasetRegistry
from workers.data.scaling import Standard
from workers.evaluation.confusion import ClassCounts, confusion_matrix
from workers.spec import ExperimentSpec

CANDIDATES, EPOCHS = 27, 27
"""Successive halving by three has its rungs at 1, 3, 9 and 27 epochs, with 27, 9, 3 and 1 candidates."""
BATCH, MOMENTUM = 32, 0.9
RATES, DECAYS = (1e-4, 1e-1), (1e-6, 1e-2)
"""Learning rate, and weight decay: the gradient has this times the weight added. Both even on a logarithmic scale."""
HIDDEN = [[64], [128], [128, 64]]
SPLIT = {"train": 0.6, "validation": 0.2, "test": 0.2}
LABEL = "digit"


@dataclass(frozen=True, eq=False)
class Rows:
    """The three parts of digits in one stratified split; nothing is selected on the held-back ones."""

    training: Dataset
    validation: Dataset
    held_back: Dataset

    @staticmethod
    def read(folder: Path) -> "Rows":
        """The rows that an experiment on this split has, read with the data folder of a service."""
        spec = ExperimentSpec.model_validate({"dataset": "digits", "split": SPLIT})
        registry = DatasetRegistry(folder)
        prepared = registry.prepare_split(spec.dataset, spec.split)
        held_back = registry.test_part(spec.dataset, spec.split)
        return Rows(prepared.read("train"), prepared.read("validation"), held_back)

    def write(self, folder: Path) -> None:
        """Write what the other searches read, standardised as Holdout standardises it."""
        scaler = Standard().fit(self.training)
        for name, part in (("training", self.training), ("validation", self.validation)):
            write_csv(folder / f"{name}.csv", scaler(part.features), part.labels.tolist())
        write_csv(folder / "held_back.csv", scaler(self.held_back.features))
        (folder / "task.json").write_text(json.dumps(settings()))


def settings() -> dict[str, Any]:
    """The numbers of the task, for programs that cannot import this module."""
    return {
        "candidates": CANDIDATES,
        "epochs": EPOCHS,
        "batch": BATCH,
        "momentum": MOMENTUM,
        "rates": RATES,
        "decays": DECAYS,
        "hidden": HIDDEN,
        "label": LABEL,
    }


def balanced_accuracy(part: Dataset, predicted: Iterable[int]) -> float:
    """The mean recall of the classes. One function for all searches."""
    found = np.fromiter(predicted, np.int64)
    counts = ClassCounts.of(confusion_matrix(part.labels.astype(np.int64), found, len(part.classes)))
    return float(np.mean(counts.correct / counts.support))


def write_csv(path: Path, features: NDArray[Any], labels: list[int] | None = None) -> None:
    """Write pixels (N, D), and the labels as the last column if there are any, with names in the first line."""
    rows = features.tolist()
    names = [f"pixel{number}" for number in range(features.shape[1])]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, *([LABEL] if labels else [])])
        writer.writerows(
            rows if labels is None else [[*row, label] for row, label in zip(rows, labels, strict=True)]
        )
