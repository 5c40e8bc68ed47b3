"""What the page is measured with: 10,000 experiments, one of 5,000 epochs with 8 seeds, one of 200 classes, and
whatever else a view shows.
"""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.service import many_experiments
from benchmarks.service.servers import Service, serving

EXPERIMENTS = 10_000
EPOCHS, SEEDS = 5_000, 8
CLASSES, ROWS_OF_CLASS = 200, 40
SEEDED = random.Random(0)

TWO_CLASSES = {"dataset": "breast_cancer", "training": {"epochs": 3}, "seeds": [0, 1]}
FOLDS = {
    "dataset": "iris",
    "training": {"epochs": 2},
    "split": {"name": "cross_validation", "folds": 3},
    "seeds": [0, 1],
}
LONG = {"dataset": "iris", "model": {"hidden": [8]}, "seeds": list(range(SEEDS))}
SWEEP = {
    "spec": {"dataset": "iris", "training": {"epochs": 2}, "seeds": [0, 1]},
    "space": {"optimizer.learning_rate": [0.1, 0.01, 0.001], "loss": ["cross_entropy", "focal"]},
}


class Filled(NamedTuple):
    """The ids of what a database was filled with."""

    two_classes: int
    other: int
    long: int
    many_classes: int
    table: int
    images: int
    folds: int
    sweep: int
    monitor: int

    def views(self) -> list[str]:
        """Every view of the page, by its path."""
        return list(_views(self))


def _views(of: Filled) -> Iterator[str]:
    yield from ("experiments", "experiments?sort=-balanced_accuracy&fields=mcc", "experiments?q=iris")
    yield from ("new", "upload", "datasets", "datasets/digits", "datasets/visits", "datasets/many")
    yield from ("sweeps", f"sweeps/{of.sweep}", "sweeps/new?preset=losses", "monitors", "sign-in")
    yield from (f"monitors/{of.monitor}", f"monitors/{of.monitor}/batches/1")
    for each in (of.two_classes, of.long, of.many_classes, of.table, of.images, of.folds):
        yield f"experiments/{each}"
    yield f"compare?ids={of.two_classes},{of.other}"
    for view in ("predict", "test", "shift"):
        yield f"experiments/{of.two_classes}/{view}"
    yield f"new?like={of.many_classes}"


def fill(folder: Path, *, experiments: int = EXPERIMENTS, epochs: int = EPOCHS) -> Filled:
    """Fill a folder that is empty: copies of a trained experiment, then one of each kind, trained."""
    many_experiments.fill(folder, experiments)
    with serving(folder, workers=2) as service:
        return _train(service, epochs)


def _train(service: Service, epochs: int) -> Filled:
    _upload(service, "visits", "bought", _visits())
    _upload(service, "many", "kind", _of_many_classes())
    specs = {
        "two_classes": TWO_CLASSES,
        "other": {**TWO_CLASSES, "loss": "focal"},
        "long": {**LONG, "training": {"epochs": epochs, "batch_size": 256}},
        "many_classes": {"dataset": "many", "training": {"epochs": 2}, "seeds": [0, 1]},
        "table": {"dataset": "visits", "training": {"epochs": 2}, "seeds": [0, 1]},
        "images": {"dataset": "digits", "training": {"epochs": 2}, "seeds": [0, 1]},
        "folds": FOLDS,
    }
    ids = {name: service.submit(spec) for name, spec in specs.items()}
    sweep = service.post("/sweeps", json=SWEEP)["id"]
    for each in ids.values():
        service.finish(each)
    _until(lambda: service.get(f"/sweeps/{sweep}")["status"] == "succeeded")
    return Filled(**ids, sweep=sweep, monitor=_examine(service, ids["two_classes"], ids["table"]))


def _examine(service: Service, robust: int, watched: int) -> int:
    """Corrupt the rows of one experiment, and watch another with a monitor, whose id this returns."""
    report = f"/experiments/{robust}/robustness"
    service.post(report)
    body = {"experiment_id": watched, "name": "visits"}
    monitor = int(service.post("/monitors", json=body)["id"])
    for _ in range(3):
        rows = [[SEEDED.gauss(40, 20), SEEDED.randint(18, 80), "Bern"] for _ in range(60)]
        service.post(f"/monitors/{monitor}/batches", json={"rows": rows})
    _until(lambda: service.get(report)["status"] == "succeeded")
    service.post(f"/experiments/{robust}/test-evaluations")
    return monitor


def _until(is_true: Callable[[], bool], *, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)


def _upload(service: Service, name: str, label: str, content: str) -> None:
    data = {"name": name, "format": "csv", "label": label}
    file = {"file": (f"{name}.csv", content.encode())}
    service.post("/datasets", data=data, files=file)


def _visits() -> str:
    lines = ["spend,age,city,bought"]
    for index in range(400):
        bought = index % 4 == 0
        cells = [f"{SEEDED.gauss(60 if bought else 30, 12):.2f}", str(SEEDED.randint(18, 80))]
        cells.append(SEEDED.choice(["Bern", "Genf"] if bought else ["Basel", "Bern"]))
        cells = [cell if SEEDED.random() < 0.9 else "" for cell in cells]
        lines.append(",".join([*cells, "yes" if bought else "no"]))
    return "\n".join(lines) + "\n"


def _of_many_classes() -> str:
    centres = np.random.default_rng(0).normal(0, 3, (CLASSES, 8))
    lines = [",".join([*(f"x{index}" for index in range(8)), "kind"])]
    for kind, centre in enumerate(centres):
        rows = np.random.default_rng(kind).normal(centre, 1, (ROWS_OF_CLASS, 8))
        lines += [",".join([*(f"{value:.3f}" for value in row), f"kind {kind:03}"]) for row in rows]
    return "\n".join(lines) + "\n"
