"""One network on MNIST in H2O's deep learning. Alone: python network_in_h2o.py FOLDER URL

The URL is that of a running H2O server. The program runs in H2O's own environment, so it imports nothing of Holdout.
A line of its input is a seed. It answers with the seconds from the request for a model to the model with its metrics,
and with what the model predicts for the validation rows. The frames are uploaded before.
"""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import h2o
from h2o.estimators import H2ODeepLearningEstimator


def main(folder: Path, url: str) -> None:
    task = json.loads((folder / "task.json").read_text())
    with contextlib.redirect_stdout(sys.stderr):
        h2o.connect(url=url)
        h2o.no_progress()
        training, validation = (
            h2o.import_file(str(folder / f"{name}.csv")) for name in ("training", "validation")
        )
        for frame in (training, validation):
            frame[task["label"]] = frame[task["label"]].asfactor()
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            found = train(training, validation, task, int(line))
        print(json.dumps(found), flush=True)


def train(
    training: h2o.H2OFrame, validation: h2o.H2OFrame, task: dict[str, Any], seed: int
) -> dict[str, Any]:
    """The seconds of training and the predictions of the validation rows. All else has H2O's defaults."""
    network = H2ODeepLearningEstimator(
        activation="Rectifier",
        hidden=task["hidden"],
        epochs=task["epochs"],
        mini_batch_size=task["batch"],
        seed=seed + 1,  # to H2O, 0 and -1 are no seeds
    )
    features = [name for name in training.columns if name != task["label"]]
    started = time.perf_counter()
    network.train(x=features, y=task["label"], training_frame=training, validation_frame=validation)
    seconds = time.perf_counter() - started
    lines = network.predict(validation)["predict"].as_data_frame(use_pandas=False, header=False)
    h2o.remove(network.model_id)
    return {"seconds": seconds, "validation": [int(line[0]) for line in lines]}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
