"""The search by H2O's grid of deep learning models, two at once. Alone: python h2o_grid.py FOLDER URL

The URL is that of a running H2O server. The program runs in H2O's own environment, so it imports nothing of Holdout.
H2O's grid draws from lists: a rate and a weight decay are at one of thirteen places. It cannot vary the size of a
batch. That it keeps the model of the epoch that was best on the validation rows is H2O's default.
"""

import contextlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import h2o
from h2o.estimators import H2ODeepLearningEstimator
from h2o.grid.grid_search import H2OGridSearch

LEVELS = 13
MODELS_AT_ONCE = 2


def main(folder: Path, url: str) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        h2o.connect(url=url)
        h2o.no_progress()
    task = json.loads((folder / "task.json").read_text())
    names = ("training", "validation", "held_back")
    frames = {name: h2o.import_file(str(folder / f"{name}.csv")) for name in names}
    for name in names[:2]:
        frames[name][task["label"]] = frames[name][task["label"]].asfactor()
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            found = search(frames, task, int(line))
        print(json.dumps(found), flush=True)


def search(frames: dict[str, h2o.H2OFrame], task: dict[str, Any], seed: int) -> dict[str, Any]:
    """The best model's predictions of the validation and held-back rows, and the seconds until it was known."""
    network = H2ODeepLearningEstimator(
        activation="Rectifier",
        adaptive_rate=False,
        epochs=task["epochs"],
        mini_batch_size=task["batch"],
        momentum_start=task["momentum"],
        momentum_stable=task["momentum"],
        nesterov_accelerated_gradient=False,
        rate_annealing=0,
        seed=seed + 1,  # to H2O, 0 and -1 are no seeds
        standardize=False,
        stopping_rounds=0,
    )
    criteria = {"strategy": "RandomDiscrete", "max_models": task["candidates"], "seed": seed + 1}
    space = {"rate": levels(*task["rates"]), "l2": levels(*task["decays"]), "hidden": task["hidden"]}
    started = time.perf_counter()
    grid = H2OGridSearch(network, space, search_criteria=criteria, parallelism=MODELS_AT_ONCE)
    features = [name for name in frames["training"].columns if name != task["label"]]
    grid.train(
        x=features, y=task["label"], training_frame=frames["training"], validation_frame=frames["validation"]
    )
    best = grid.get_grid("mean_per_class_error", decreasing=False).models[0]
    seconds = time.perf_counter() - started
    found = {name: _predicted(best, frames[name]) for name in ("validation", "held_back")}
    for id_ in grid.model_ids:
        h2o.remove(id_)
    return {"seconds": seconds, **found}


def levels(lowest: float, highest: float) -> list[float]:
    """Values even on a logarithmic scale."""
    step = math.log(highest / lowest) / (LEVELS - 1)
    return [lowest * math.exp(step * number) for number in range(LEVELS)]


def _predicted(model: Any, frame: h2o.H2OFrame) -> list[int]:
    lines = model.predict(frame)["predict"].as_data_frame(use_pandas=False, header=False)
    return [int(line[0]) for line in lines]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
