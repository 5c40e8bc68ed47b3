"""How much longer an epoch takes while sixteen dashboards ask five times a second each, on two cores that both train.

Each asks for the status with the tag that it has, and for the metrics that are new; the client runs on the same two
cores. Polled and quiet spells take turns, and an epoch's own time is what its worker stored.
"""

import asyncio
import time
from statistics import fmean, median
from typing import Any

import httpx2

from benchmarks.report import Row
from benchmarks.service.programs import Service, serving

POLLERS, PER_SECOND = 16, 5
SPELLS, SPELL_SECONDS = 8, 4.0
SPEC = {
    "dataset": {"name": "synthetic", "counts": [10_000, 10_000], "features": 64},
    "model": {"hidden": [128]},
    "training": {"epochs": 100_000},
    "seeds": [0, 1],
}


def measure() -> list[Row]:
    """Seconds an epoch, polled and not; the median of the ratios of neighbouring spells."""
    with serving(workers=2) as service:
        experiment = service.submit(SPEC)
        while len(_seconds(service, experiment, 0)) < 8:
            time.sleep(0.2)
        quiet, polled = [], []
        for _ in range(SPELLS):
            quiet.append(_spell(service, experiment, pollers=0))
            polled.append(_spell(service, experiment, pollers=POLLERS))
        service.cancel(experiment)
    ratio = median(busy / idle for busy, idle in zip(polled, quiet, strict=True))
    what = f"an epoch, with {POLLERS} pollers at {PER_SECOND} Hz"
    shown = (f"{1e3 * median(polled):.1f} ms", f"{1e3 * median(quiet):.1f} ms")
    return [Row(what, "without", *shown, ratio, 1.05, "most")]


def _spell(service: Service, experiment: int, *, pollers: int) -> float:
    """The mean seconds of an epoch during one spell."""
    before = _last_epoch(service, experiment)
    asyncio.run(_poll(service.url, experiment, pollers))
    return fmean(_seconds(service, experiment, before))


def _last_epoch(service: Service, experiment: int) -> int:
    return max(int(run["epoch"]) for run in service.get(f"/experiments/{experiment}")["runs"])


def _seconds(service: Service, experiment: int, after_epoch: int) -> list[float]:
    page = service.get(
        f"/experiments/{experiment}/metrics", after_epoch=after_epoch, split="train", limit=10_000
    )
    return [float(item["seconds"]) for item in page["items"]]


async def _poll(url: str, experiment: int, pollers: int) -> None:
    """One spell of so many dashboards."""
    async with httpx2.AsyncClient(base_url=url) as http:
        until = time.monotonic() + SPELL_SECONDS
        tasks = [_dashboard(http, experiment, until, n / pollers / PER_SECOND) for n in range(pollers)]
        await asyncio.gather(asyncio.sleep(SPELL_SECONDS), *tasks)


async def _dashboard(http: httpx2.AsyncClient, experiment: int, until: float, phase: float) -> None:
    """Every other poll is for the status, the others for what is new since the last."""
    tag, link = "", f"/experiments/{experiment}/metrics?limit=100"
    asked_for_status = False
    await asyncio.sleep(phase)
    while time.monotonic() < until:
        asked_for_status = not asked_for_status
        if asked_for_status:
            headers = {"If-None-Match": tag} if tag else {}
            answer = await http.get(f"/experiments/{experiment}", headers=headers)
            tag = answer.headers["etag"]
        else:
            page: dict[str, Any] = (await http.get(link)).json()
            link = page["next"] or link
        await asyncio.sleep(1 / PER_SECOND)
