"""Memory during training on MNIST: of the API with its agent, and of each worker process beyond the first.

Measures the proportional set size (a page that three processes share counts a third for each), summed over all
processes of the service. A further worker costs half the difference between three workers that train and one. One
worker and three take turns, because the API grows a little while it serves. A worker that trains before them fits
the linear baseline, which takes memory of its own and is stored for all others; the API is measured beside it. The
variable HOLDOUT_MNIST names the folder of MNIST; the default is ../shared/data/mnist beside the checkout.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Row, Skipped
from benchmarks.service.servers import Service, serving

MNIST = Path(os.environ.get("HOLDOUT_MNIST", Path(__file__).parents[3] / "shared" / "data" / "mnist"))
SAMPLES, PAUSE_SECONDS = 10, 0.3
WORKERS, TURNS = 3, 3
MEGABYTE = 1e6


def measure() -> list[Row]:
    """Megabytes."""
    with tempfile.TemporaryDirectory(prefix="holdout-memory-") as name:
        folder = Path(name)
        copy_mnist(folder)
        with serving(folder, workers=WORKERS) as service:
            _, api = _training(service, 1)
            turns = [(_training(service, 1), _training(service, WORKERS)) for _ in range(TURNS)]
    further = median(together - alone for (alone, _), (together, _) in turns) / (WORKERS - 1)
    return [
        Row("memory of the API", "", f"{api:.0f} MB", "", api, 130, "most"),
        Row("memory of a further worker on MNIST", "", f"{further:.0f} MB", "", further, 25, "most"),
    ]


def copy_mnist(folder: Path) -> None:
    """Copy MNIST into the data folder of a service. Raises Skipped if it is not there."""
    if not MNIST.is_dir():
        raise Skipped(f"MNIST is not in {MNIST}; HOLDOUT_MNIST names the folder of its IDX files")
    shutil.copytree(MNIST, folder / "datasets" / "mnist")


def _training(service: Service, seeds: int) -> tuple[float, float]:
    """The median megabytes of all processes, and of the API alone, while so many seeds train."""
    experiment = service.submit(_spec(seeds))
    while any(run["epoch"] < 2 for run in service.get(f"/experiments/{experiment}")["runs"]):
        time.sleep(0.1)
    totals, apis = [], []
    for _ in range(SAMPLES):
        api, others = service.program.id, service.program.descendants()
        apis.append(megabytes([api]))
        totals.append(megabytes([api, *others]))
        time.sleep(PAUSE_SECONDS)
    service.cancel(experiment)
    while service.get(f"/experiments/{experiment}")["status"] == "running":
        time.sleep(0.1)
    return median(totals), median(apis)


def _spec(seeds: int) -> dict[str, Any]:
    return {"dataset": "mnist", "training": {"epochs": 1000}, "seeds": list(range(seeds))}


def megabytes(processes: Iterable[int]) -> float:
    """The proportional set size of processes."""
    kilobytes = 0
    for process in processes:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return 1024 * kilobytes / MEGABYTE
