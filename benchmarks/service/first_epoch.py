"""Time from POST of a digits experiment to its first stored epoch, as a client sees it, on a warm service."""

import time
from statistics import median

from benchmarks.report import Row
from benchmarks.service.servers import Service, serving

EXPERIMENTS = 20
SPEC = {"dataset": "digits"}
PAUSE_SECONDS = 0.005


def measure() -> list[Row]:
    """The median seconds over experiments, one after another."""
    with serving(workers=2) as service:
        service.finish(service.submit(SPEC))
        seconds = median(_first_epoch(service) for _ in range(EXPERIMENTS))
    return [
        Row("POST of digits to its first stored epoch", "", f"{seconds:.3f} s", "", seconds, 0.05, "most")
    ]


def _first_epoch(service: Service) -> float:
    """Seconds until the metrics of a new experiment have a row. Waits for its end."""
    started = time.perf_counter()
    id_ = service.submit(SPEC)
    while not service.get(f"/experiments/{id_}/metrics", limit=1)["items"]:
        time.sleep(PAUSE_SECONDS)
    took = time.perf_counter() - started
    service.finish(id_)
    return took
