"""The search by Optuna's TPE over MLPClassifier. Alone: python -m benchmarks.search.optuna_study FOLDER

Two threads ask for trials, and two processes train them: threads alone would wait for each other in Python.
"""

import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import optuna
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score

from benchmarks.search.peer_rows import PeerRows, answer

PROCESSES = 2
Trained = tuple[float, list[int], list[int]]


def main(folder: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = PeerRows.read(folder)
    with ProcessPoolExecutor(PROCESSES, initializer=_quieten) as pool:
        answer(lambda seed: search(rows, pool, seed))


def search(rows: PeerRows, pool: ProcessPoolExecutor, seed: int) -> dict[str, Any]:
    """A study. Its best trial's predictions of the validation and held-back rows, and the seconds until it ended."""
    trained: dict[int, Trained] = {}

    def objective(trial: optuna.Trial) -> float:
        chosen = _suggested(trial, rows.task)
        trained[trial.number] = pool.submit(_train, rows, chosen, seed).result()
        return trained[trial.number][0]

    started = time.perf_counter()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, rows.task["candidates"], n_jobs=PROCESSES, catch=ValueError)  # diverged
    seconds = time.perf_counter() - started
    _, validation, held_back = trained[study.best_trial.number]
    return {"seconds": seconds, "validation": validation, "held_back": held_back}


def _suggested(trial: optuna.Trial, task: dict[str, Any]) -> dict[str, Any]:
    decay = trial.suggest_float("decay", *task["decays"], log=True)
    shapes = [str(shape) for shape in task["hidden"]]
    shape = trial.suggest_categorical("hidden", shapes)
    return {
        "learning_rate_init": trial.suggest_float("rate", *task["rates"], log=True),
        "hidden_layer_sizes": task["hidden"][shapes.index(shape)],
        "alpha": decay * task["batch"],
    }


def _train(rows: PeerRows, chosen: dict[str, Any], seed: int) -> Trained:
    model = rows.network(seed, max_iter=rows.task["epochs"], **chosen).fit(*rows.training)
    features, labels = rows.validation
    predicted = model.predict(features)
    value = float(balanced_accuracy_score(labels, predicted))
    return value, predicted.tolist(), model.predict(rows.held_back).tolist()


def _quieten() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # it has not converged after 27 epochs, and need not
    warnings.simplefilter("ignore", RuntimeWarning)  # some rates diverge


if __name__ == "__main__":
    main(Path(sys.argv[1]))
