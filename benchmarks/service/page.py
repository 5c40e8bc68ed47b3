"""The page with 10,000 experiments, 5,000 epochs x 8 seeds, and 200 classes: first paint, sizes, memory, live costs.

Chromium opens every view. The page's own entries say when it painted first; everything that it asks for is weighed
uncompressed. For the live costs, the page of a running experiment takes turns with a script that polls its status and
its new metrics as often as the page renews itself. The agent is a process of its own then, so the API does nothing
else. Times of the processor count, because other programs may use the machine.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Row, Skipped
from benchmarks.service.memory import megabytes
from benchmarks.service.page_data import Filled, fill
from benchmarks.service.servers import Service, python, serving

VISITS = 3
"""How often each view is opened. The first is that after a start."""
MOST_BYTES, MOST_MEGABYTES = 300_000, 130
PHASES, PHASE_SECONDS = 4, 15.0
REFRESH_SECONDS = 2.0
"""The least time between two refreshes of the page, which `service/pages/static/ui.js` sets."""
RUNNING = {
    "dataset": "digits",
    "model": {"hidden": [1024, 1024]},
    "training": {"epochs": 100_000},
}
"""An experiment whose epochs take about half a second."""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Opened:
    """A visit of a view: seconds to its first paint, processor seconds of the API, and the largest of its answers."""

    view: str
    painted: float
    processor: float
    largest: int
    address: str


def measure() -> list[Row]:
    """First paint, sizes and memory of all views, and the costs of a live page."""
    with tempfile.TemporaryDirectory(prefix="holdout-page-") as name:
        folder = Path(name)
        filled = fill(folder)
        return measure_filled(folder, filled)


def measure_filled(folder: Path, filled: Filled) -> list[Row]:
    """The same of a folder that is filled already."""
    with chromium() as browser:
        with serving(folder) as service:
            visits = [_open(browser, service, view) for _ in range(VISITS) for view in filled.views()]
            used = megabytes([service.program.id])
        with serving(folder) as service, _agent(folder):
            page, script = _live(browser, service)
    return [
        *_of_visits(visits),
        Row("memory of the API after all views", "", f"{used:.0f} MB", "", used, MOST_MEGABYTES, "most"),
        _of_live(page, script),
    ]


def _of_visits(visits: Sequence[Opened]) -> Iterator[Row]:
    paints = [each.painted for each in visits]
    slowest = max(visits, key=lambda each: each.painted)
    dearest = max(visits[len(visits) // VISITS :] or visits, key=lambda each: each.processor)
    largest = max(visits, key=lambda each: each.largest)
    size = f"{largest.largest / 1e3:.0f} kB"
    yield Row(
        "first paint, median of all views", "", f"{median(paints):.2f} s", "", median(paints), 1.0, "most"
    )
    yield Row(f"the slowest, /ui/{slowest.view}", "", f"{slowest.painted:.2f} s", "", slowest.painted)
    yield Row(f"processor time of the API for /ui/{dearest.view}", "", f"{dearest.processor:.2f} s", "", None)
    yield Row(f"largest answer, {largest.address}", "", size, "", largest.largest, MOST_BYTES, "most")


def _of_live(page: float, script: float) -> Row:
    shown, polled = (f"{60 * each:.2f} s/min" for each in (page, script))
    what = "live page, processor time of the API"
    return Row(what, "polling script", shown, polled, page / script, 1.2, "most")


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser. Raises Skipped if there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Skipped("needs playwright: pip install 'holdout[test]'") from None
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise Skipped("needs Chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def _open(browser: Any, service: Service, view: str) -> Opened:
    """Open a view in a new window, with an empty cache, and wait until all its pictures are there."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))  # Playwright marks what it calls
    before = processor_seconds(service)
    page.goto(f"{service.url}/ui/{view}")
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
    page.wait_for_load_state("networkidle")
    painted = page.evaluate(PAINTED) / 1000
    sizes = {answer.url: len(answer.body()) for answer in answers if answer.status == 200}
    wrong = [(answer.url, answer.status) for answer in answers if answer.status >= 400]
    page.close()
    if wrong:
        raise RuntimeError(f"{view}: {wrong}")
    address = max(sizes, key=lambda each: sizes[each])
    spent = processor_seconds(service) - before
    return Opened(view, painted, spent, sizes[address], address.removeprefix(service.url))


def _live(browser: Any, service: Service) -> tuple[float, float]:
    """Processor seconds of the API for each second of an open page, and of a script, above those of an idle API."""
    experiment = service.submit(RUNNING)
    while service.get(f"/experiments/{experiment}")["runs"][0]["epoch"] < 20:
        time.sleep(0.2)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    phases: list[Callable[[Any, Service, int], None]] = [_idle, _show, _poll]
    rates: list[list[float]] = [[] for _ in phases]
    for _ in range(PHASES):
        for phase, measured in zip(phases, rates, strict=True):
            before = processor_seconds(service)
            phase(page, service, experiment)
            measured.append((processor_seconds(service) - before) / PHASE_SECONDS)
    page.close()
    service.cancel(experiment)
    idle, shown, polled = map(median, rates)
    return shown - idle, polled - idle


def _idle(page: Any, _service: Service, _experiment: int) -> None:
    page.goto("about:blank")
    page.wait_for_timeout(1000 * PHASE_SECONDS)


def _show(page: Any, service: Service, experiment: int) -> None:
    """Leave the page of a running experiment open."""
    page.goto(f"{service.url}/ui/experiments/{experiment}")
    page.wait_for_timeout(1000 * PHASE_SECONDS)


def _poll(page: Any, service: Service, experiment: int) -> None:
    """Poll as a script does: conditional reads of the status and of the metrics."""
    page.goto("about:blank")
    started, etags = time.monotonic(), dict[str, str]()
    paths = [f"/experiments/{experiment}", f"/experiments/{experiment}/metrics"]
    while time.monotonic() < started + PHASE_SECONDS:
        for path in paths:
            response = service.http.get(path, headers={"If-None-Match": etags.get(path, "")})
            etags[path] = response.headers.get("etag", "")
        time.sleep(REFRESH_SECONDS)


@contextmanager
def _agent(folder: Path) -> Iterator[None]:
    """An agent with one worker, beside an API that has none."""
    with (folder / "agent.log").open("ab") as log:
        command = [*python("service", "worker"), "--workers=1", f"--data-dir={folder}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def processor_seconds(service: Service) -> float:
    """The processor time that the API has used since its start."""
    fields = Path(f"/proc/{service.program.id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
