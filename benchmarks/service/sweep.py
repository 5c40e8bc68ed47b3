"""Time of a sweep of learning rates on digits, from POST to its end, on two cores, beside scikit-learn under joblib.

The service is warm: it has trained before. scikit-learn's part is in sweep_in_sklearn.py, and the two take turns.
"""

import subprocess
import time
from statistics import median
from typing import Any

from benchmarks.report import Row
from benchmarks.service.servers import Service, python, serving

CANDIDATES, SEEDS, EPOCHS = 100, 3, 20
LOWEST, HIGHEST = 1e-4, 1e-1
ROUNDS = 3
POLL_SECONDS = 0.1


def rates() -> list[float]:
    """The learning rates of the candidates, even on a logarithmic scale."""
    step = (HIGHEST / LOWEST) ** (1 / (CANDIDATES - 1))
    return [LOWEST * step**index for index in range(CANDIDATES)]


def spec() -> dict[str, Any]:
    """The defaults: 64-128-10, Adam, batches of 64, and every metric of both parts after each epoch."""
    return {"dataset": "digits", "training": {"epochs": EPOCHS}, "seeds": list(range(SEEDS))}


def measure() -> list[Row]:
    """Seconds of both."""
    ours, theirs = [], []
    with serving(workers=2) as service:
        service.finish(service.submit(spec()))
        for _ in range(ROUNDS):
            ours.append(_sweep(service))
            theirs.append(_loop(service))
    own, other = median(ours), median(theirs)
    what = f"{CANDIDATES} candidates with {SEEDS} seeds of digits, {EPOCHS} epochs, POST to the last result"
    return [
        Row(what, "scikit-learn, joblib with 2 processes", f"{own:.2f} s", f"{other:.2f} s", other / own, 8)
    ]


def _sweep(service: Service) -> float:
    started = time.perf_counter()
    body = {"spec": spec(), "strategy": "grid", "space": {"optimizer.learning_rate": rates()}}
    path = service.http.post("/sweeps", json=body).raise_for_status().headers["location"]
    while (sweep := service.get(path))["status"] in ("queued", "running"):
        time.sleep(POLL_SECONDS)
    if sweep["status"] != "succeeded":
        raise RuntimeError(sweep)
    seconds = time.perf_counter() - started
    _settle(service, path)
    return seconds


def _settle(service: Service, path: str) -> None:
    """Wait for the intervals of all candidates: the service computes them after the training, beside scikit-learn."""
    for candidate in service.get(f"{path}/candidates", limit=CANDIDATES)["items"]:
        service.get(f"/experiments/{candidate['experiment_id']}")


def _loop(service: Service) -> float:
    command = python("benchmarks.service.sweep_in_sklearn", service.folder)
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
