"""The sweep in scikit-learn: an MLPClassifier per candidate and seed, by joblib in two processes of one thread each.

Alone: python -m benchmarks.service.sweep_in_sklearn FOLDER

The rows and their scaling are those of the experiments. It measures less than the service does: only the accuracy on
the validation rows, once, at the end. Prints the seconds, without the imports and the start of the processes.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.service.sweep import EPOCHS, SEEDS, rates, spec
from workers.data.registry import DatasetRegistry
from workers.data.scaling import Standard
from workers.spec import ExperimentSpec

Part = tuple[NDArray[np.float32], NDArray[np.int64]]


def parts(folder: Path) -> tuple[Part, Part]:
    """Training and validation rows of the same split, scaled in the same way."""
    resolved = ExperimentSpec.model_validate(spec())
    prepared = DatasetRegistry(folder).prepare_split(resolved.dataset, resolved.split)
    training, validation = prepared.read("train"), prepared.read("validation")
    scaler = Standard().fit(training)
    x, y = ((scaler(part.features), part.labels.astype(np.int64)) for part in (training, validation))
    return x, y


def fit(training: Part, validation: Part, rate: float, seed: int) -> float:
    """Train one candidate with one seed. Returns its validation accuracy."""
    model = MLPClassifier(
        (128,), batch_size=64, learning_rate_init=rate, alpha=0.0, max_iter=EPOCHS, random_state=seed, tol=0.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # it has not converged after 20 epochs, and need not
        model.fit(*training)
    return float(model.score(*validation))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    training, validation = parts(parser.parse_args().folder)
    with Parallel(n_jobs=2) as parallel:
        jobs: list[Any] = [delayed(fit)(training, validation, 1e-3, 0) for _ in range(4)]
        parallel(jobs)  # starts the processes
        started = time.perf_counter()
        jobs = [delayed(fit)(training, validation, rate, seed) for rate in rates() for seed in range(SEEDS)]
        accuracies = parallel(jobs)
        seconds = time.perf_counter() - started
    if max(accuracies) < 0.9:
        raise RuntimeError("scikit-learn has not learned")
    print(seconds)


if __name__ == "__main__":
    main()
