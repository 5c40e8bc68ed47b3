"""One network on MNIST, 784-128-10 and five epochs, from the request to the result: beside H2O's REST server.

Both have the same rows, two cores and all their defaults but the network, the epochs and the batch. H2O trains one
network with two threads; ours trains with one, so a second seed would take hardly longer. Ours has trained once
before. H2O drops pixels that are constant in the training rows, which is its default.
"""

import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Row
from benchmarks.search.h2o_server import PYTHON, h2o_server
from benchmarks.search.peer import Peer, running_peer
from benchmarks.search.task import LABEL, write_csv
from benchmarks.service.memory import copy_mnist
from benchmarks.service.servers import Service, serving
from workers.data.registry import DatasetRegistry
from workers.spec import ExperimentSpec

HIDDEN, EPOCHS, BATCH = 128, 5, 64
ROUNDS = 2


def measure() -> list[Row]:
    """Seconds and accuracy on the validation rows, medians over the rounds. Raises Skipped without MNIST or H2O."""
    with tempfile.TemporaryDirectory(prefix="holdout-h2o-rows-") as name, serving(workers=2) as service:
        copy_mnist(service.folder)
        folder = Path(name)
        labels = _write_rows(service.folder, folder)
        program = str(Path(__file__).parent / "network_in_h2o.py")
        with h2o_server() as url, running_peer((str(PYTHON), program, str(folder), url)) as peer:
            _ours(service, ROUNDS)
            pairs = [(_ours(service, seed), _theirs(peer, seed, labels)) for seed in range(ROUNDS)]
    ours, theirs = zip(*pairs, strict=True)
    seconds = [median(each for each, _ in found) for found in (ours, theirs)]
    right = [median(each for _, each in found) for found in (ours, theirs)]
    what = f"MNIST, 784-{HIDDEN}-10, {EPOCHS} epochs: from the request to the result"
    return [
        Row(what, "H2O's REST server", f"{seconds[0]:.1f} s", f"{seconds[1]:.1f} s", seconds[1] / seconds[0]),
        Row(
            "the same: accuracy on the validation rows",
            "H2O's REST server",
            f"{right[0]:.4f}",
            f"{right[1]:.4f}",
            right[0] - right[1],
        ),
    ]


def spec(seed: int) -> dict[str, Any]:
    return {
        "dataset": "mnist",
        "model": {"hidden": [HIDDEN]},
        "training": {"epochs": EPOCHS, "batch_size": BATCH},
        "seeds": [seed],
    }


def _ours(service: Service, seed: int) -> tuple[float, float]:
    started = time.perf_counter()
    id_ = service.submit(spec(seed))
    service.finish(id_)
    seconds = time.perf_counter() - started
    summary = service.get(f"/experiments/{id_}")["summary"]
    return seconds, float(summary["metrics"]["accuracy"]["mean"])


def _theirs(peer: Peer, seed: int, labels: list[int]) -> tuple[float, float]:
    found = peer.search(seed)
    right = sum(a == b for a, b in zip(found["validation"], labels, strict=True))
    return found["seconds"], right / len(labels)


def _write_rows(data: Path, folder: Path) -> list[int]:
    """Write the training and validation rows of an experiment as CSV. Returns the labels of the validation rows."""
    resolved = ExperimentSpec.model_validate(spec(0))
    prepared = DatasetRegistry(data).prepare_split(resolved.dataset, resolved.split)
    parts = {"training": prepared.read("train"), "validation": prepared.read("validation")}
    for name, part in parts.items():
        pixels = part.features.reshape(len(part.labels), -1)
        write_csv(folder / f"{name}.csv", pixels, part.labels.tolist())
    task = {"hidden": [HIDDEN], "epochs": EPOCHS, "batch": BATCH, "label": LABEL}
    (folder / "task.json").write_text(json.dumps(task))
    labels: list[int] = parts["validation"].labels.tolist()
    return labels
