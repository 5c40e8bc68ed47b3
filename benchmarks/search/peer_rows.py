"""The rows and the task as Optuna's and scikit-learn's programs read them, and the loop that they answer in."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

Features = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PeerRows:
    """Standardised features (n, 64) and labels (n,); the held-back rows have none."""

    training: tuple[Features, Labels]
    validation: tuple[Features, Labels]
    held_back: Features
    task: dict[str, Any]

    @staticmethod
    def read(folder: Path) -> "PeerRows":
        task = json.loads((folder / "task.json").read_text())
        return PeerRows(
            _labelled(folder / "training.csv"),
            _labelled(folder / "validation.csv"),
            _numbers(folder / "held_back.csv"),
            task,
        )

    def network(self, seed: int, **chosen: Any) -> MLPClassifier:
        """The network of the task. alpha: scikit-learn divides it by the rows of a batch."""
        return MLPClassifier(
            solver="sgd",
            momentum=self.task["momentum"],
            nesterovs_momentum=False,
            batch_size=self.task["batch"],
            random_state=seed,
            tol=0.0,
            n_iter_no_change=self.task["epochs"],
            **chosen,
        )


def answer(search: Callable[[int], dict[str, Any]]) -> None:
    """For each seed on standard input: search, and print what was found as a line of JSON."""
    for line in sys.stdin:
        print(json.dumps(search(int(line))), flush=True)


def _labelled(path: Path) -> tuple[Features, Labels]:
    numbers = _numbers(path)
    return numbers[:, :-1], numbers[:, -1].astype(np.int64)


def _numbers(path: Path) -> Features:
    return np.loadtxt(path, np.float32, delimiter=",", skiprows=1)
