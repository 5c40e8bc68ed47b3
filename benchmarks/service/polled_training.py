"""How much longer an epoch takes while sixteen dashboards poll five times a second each; both cores train.

Periods with and without polls take turns. The time of an epoch is the one that its worker stored.
"""

import time
from statistics import fmean, median

from benchmarks.report import Row
from benchmarks.service.dashboards import DASHBOARDS, PER_SECOND, Dashboards, dashboards
from benchmarks.service.servers import Service, serving

PERIODS, PERIOD_SECONDS = 8, 4.0
SPEC = {
    "dataset": {"name": "synthetic", "counts": [10_000, 10_000], "features": 64},
    "model": {"hidden": [128]},
    "training": {"epochs": 100_000},
    "seeds": [0, 1],
}


def measure() -> list[Row]:
    """Seconds per epoch with and without polls, and the median of the ratios of neighbouring periods."""
    with serving(workers=2) as service:
        experiment = service.submit(SPEC)
        while len(_seconds(service, experiment, 0)) < 8:
            time.sleep(0.2)
        quiet, polled = [], []
        with dashboards(service.port, experiment) as polling:
            for _ in range(PERIODS):
                quiet.append(_period(service, experiment, None))
                polled.append(_period(service, experiment, polling))
        service.cancel(experiment)
    ratio = median(busy / idle for busy, idle in zip(polled, quiet, strict=True))
    what = f"an epoch, with {DASHBOARDS} pollers at {PER_SECOND} Hz"
    shown = (f"{1e3 * median(polled):.1f} ms", f"{1e3 * median(quiet):.1f} ms")
    return [Row(what, "without", *shown, ratio, 1.05, "most")]


def _period(service: Service, experiment: int, polling: Dashboards | None) -> float:
    """The mean seconds of an epoch during one period, with polls or without."""
    before = _last_epoch(service, experiment)
    if polling:
        polling.poll(PERIOD_SECONDS, after_epoch=before)
    else:
        time.sleep(PERIOD_SECONDS)
    return fmean(_seconds(service, experiment, before))


def _last_epoch(service: Service, experiment: int) -> int:
    return max(int(run["epoch"]) for run in service.get(f"/experiments/{experiment}")["runs"])


def _seconds(service: Service, experiment: int, after_epoch: int) -> list[float]:
    page = service.get(
        f"/experiments/{experiment}/metrics", after_epoch=after_epoch, split="train", limit=10_000
    )
    return [float(item["seconds"]) for item in page["items"]]
