"""The search by scikit-learn's HalvingRandomSearchCV. Alone: python -m benchmarks.search.sklearn_halving FOLDER

A predefined split lets it train and validate on the same rows as the others. Its predictions come from fitting the
best candidate to the training rows again, which is the same model; the seconds leave that out.
"""

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 -- makes the class importable
from sklearn.model_selection import HalvingRandomSearchCV, PredefinedSplit

from benchmarks.search.peer_rows import PeerRows, answer

PROCESSES = 2


def main(folder: Path) -> None:
    os.environ["PYTHONWARNINGS"] = (
        "ignore"  # of its processes: not converged, and need not; some rates diverge
    )
    warnings.simplefilter("ignore")
    rows = PeerRows.read(folder)
    with parallel_config(backend="loky", n_jobs=PROCESSES):
        answer(lambda seed: search(rows, seed))


def search(rows: PeerRows, seed: int) -> dict[str, Any]:
    """The best candidate's predictions of the validation and held-back rows, and the seconds until it was known."""
    (training, training_labels), (validation, validation_labels) = rows.training, rows.validation
    fold = np.repeat([-1, 0], [len(training), len(validation)])
    started = time.perf_counter()
    found = HalvingRandomSearchCV(
        rows.network(seed),
        _space(rows.task),
        n_candidates=rows.task["candidates"],
        factor=3,
        resource="max_iter",
        min_resources=1,
        max_resources=rows.task["epochs"],
        cv=PredefinedSplit(fold),
        scoring="balanced_accuracy",
        refit=False,
        random_state=seed,
    ).fit(np.concatenate([training, validation]), np.concatenate([training_labels, validation_labels]))
    seconds = time.perf_counter() - started
    best = rows.network(seed, **found.best_params_).fit(training, training_labels)
    return {
        "seconds": seconds,
        "validation": best.predict(validation).tolist(),
        "held_back": best.predict(rows.held_back).tolist(),
    }


def _space(task: dict[str, Any]) -> dict[str, Any]:
    lowest, highest = (decay * task["batch"] for decay in task["decays"])
    return {
        "learning_rate_init": loguniform(*task["rates"]),
        "hidden_layer_sizes": task["hidden"],
        "alpha": loguniform(lowest, highest),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
