"""Time of an experiment with eight seeds on digits, from POST to its end, on two cores, beside a PyTorch loop.

The service is warm: it has trained before. The loop is in seeds_in_pytorch.py, and the two take turns.
"""

import subprocess
import time
from statistics import median
from typing import Any

from benchmarks.report import Row
from benchmarks.service.servers import Service, python, serving

SEEDS, EPOCHS = 8, 100
ROUNDS = 3


def spec() -> dict[str, Any]:
    """The defaults (64-128-10, Adam, batches of 64), for more epochs."""
    return {"dataset": "digits", "training": {"epochs": EPOCHS}, "seeds": list(range(SEEDS))}


def measure() -> list[Row]:
    """Seconds of both."""
    ours, theirs = [], []
    with serving(workers=2) as service:
        _experiment(service)
        for _ in range(ROUNDS):
            ours.append(_experiment(service))
            theirs.append(_loop(service))
    own, other = median(ours), median(theirs)
    what = f"{SEEDS} seeds of digits, {EPOCHS} epochs, POST to the end"
    return [Row(what, "a PyTorch loop", f"{own:.2f} s", f"{other:.2f} s", other / own, 12)]


def _experiment(service: Service) -> float:
    started = time.perf_counter()
    service.finish(service.submit(spec()))
    return time.perf_counter() - started


def _loop(service: Service) -> float:
    command = python("benchmarks.service.seeds_in_pytorch", service.folder)
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
