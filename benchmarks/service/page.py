"""The page with 10,000 experiments, 5,000 epochs x 8 seeds, and 200 classes: first paint, sizes, memory, live costs.

Chromium opens every view. The page's own entries say when it painted first; everything that it asks for is weighed
uncompressed. For the live costs, the page of a running experiment takes turns with a script that polls what the page
shows, as often as the page asks for it: the status with its summary, the new rows of the curves, and the confusion
matrix. The page shows new figures as often, but draws its charts only as they grow: at least every ten seconds. The
agent is a process of its own then, so the API does nothing else. Times of the processor count, because other programs
may use the machine.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Row, Skipped
from benchmarks.service.memory import megabytes
from benchmarks.service.page_data import Filled, fill
from benchmarks.service.servers import Service, python, serving
from service.api.routing.parameters import ROWS
from tools import chromium as browsers

VISITS = 2
"""How often each view is opened by one service. Before that, each is the first that a new service sends."""
MOST_SECONDS, MOST_BYTES, MOST_MEGABYTES = 1.0, 300_000, 130
PHASES, PHASE_SECONDS = 4, 20.0
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
    """A visit of a view: seconds to its first paint, processor seconds of the API, and the largest of its answers.

    megabytes: the memory of the API after it.
    """

    view: str
    painted: float
    processor: float
    largest: int
    address: str
    megabytes: float

    def __str__(self) -> str:
        return (
            f"/ui/{self.view}: painted after {self.painted:.2f} s, {self.processor:.2f} s of the API's processor "
            f"time, {self.largest / 1e3:.0f} kB, {self.megabytes:.0f} MB"
        )


class Visits:
    """Opens views, prints what it found of each, and goes on after one that fails."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self.failed = list[str]()

    def open_all(self, service: Service, views: Iterable[str]) -> Iterator[Opened]:
        for view in views:
            try:
                opened = _open(self._browser, service, view)
            except Exception as error:  # Playwright's, or of what it was answered
                self.failed.append(f"/ui/{view}: {error}")
                print(f"   {self.failed[-1]}", flush=True)
            else:
                print(f"   {opened}", flush=True)
                yield opened


class FailedViews(RuntimeError):
    """Some views could not be opened, or asked for something that was refused."""


def measure() -> Iterator[Row]:
    """First paint, sizes and memory of all views, and the costs of a live page."""
    with tempfile.TemporaryDirectory(prefix="holdout-page-") as name:
        folder = Path(name)
        yield from measure_filled(folder, fill(folder))


def measure_filled(folder: Path, filled: Filled) -> Iterator[Row]:
    """The same of a folder that is filled already. Raises FailedViews in the end if there were any."""
    with chromium() as browser:
        visits = Visits(browser)
        first = list(_after_starts(visits, folder, filled))
        yield from _of_paints("first paint of the first view after a start", first)
        with serving(folder) as service:
            used = megabytes([service.program.id])
            yield Row("memory of the API after its start", "", f"{used:.0f} MB", "", used)
            opened = [each for _ in range(VISITS) for each in visits.open_all(service, filled.views())]
            used = megabytes([service.program.id])
            together = megabytes([service.program.id, *service.program.descendants()])
        yield from _of_visits(opened)
        yield Row("memory of the API after all views", "", f"{used:.0f} MB", "", used, MOST_MEGABYTES, "most")
        yield Row("the same with its computing process", "", f"{together:.0f} MB", "", together)
        with serving(folder) as service, _agent(folder):
            yield _of_live(*_live(browser, service))
    if visits.failed:
        raise FailedViews("; ".join(visits.failed))


def _after_starts(visits: Visits, folder: Path, filled: Filled) -> Iterator[Opened]:
    """Each view, opened as the first by a service of its own."""
    print("   each view as the first after a start", flush=True)
    for view in filled.views():
        with serving(folder) as service:
            yield from visits.open_all(service, [view])


def _of_visits(visits: Sequence[Opened]) -> Iterator[Row]:
    later = visits[len(visits) // VISITS :]
    dearest = max(later, key=lambda each: each.processor)
    largest = max(visits, key=lambda each: each.largest)
    size = f"{largest.largest / 1e3:.0f} kB"
    yield from _of_paints("first paint", later)
    work = dearest.processor
    yield Row(f"processor time of the API for /ui/{dearest.view}", "", f"{work:.2f} s", "", work)
    yield Row(f"largest answer, {largest.address}", "", size, "", largest.largest, MOST_BYTES, "most")


def _of_paints(what: str, visits: Sequence[Opened]) -> Iterator[Row]:
    """The median and the slowest of some visits."""
    middle = median(each.painted for each in visits)
    slowest = max(visits, key=lambda each: each.painted)
    yield Row(f"{what}, median of all views", "", f"{middle:.2f} s", "", middle, MOST_SECONDS, "most")
    yield Row(
        f"{what}, the slowest, /ui/{slowest.view}",
        "",
        f"{slowest.painted:.2f} s",
        "",
        slowest.painted,
        MOST_SECONDS,
        "most",
    )


def _of_live(page: float, script: float) -> Row:
    shown, polled = (f"{60 * each:.2f} s/min" for each in (page, script))
    what = "live page, processor time of the API"
    return Row(what, "polling script", shown, polled, page / script, 1.2, "most")


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser. Raises Skipped if there is none."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(browsers.chromium())
        except browsers.NoChromium as error:
            raise Skipped(str(error)) from None
        yield browser


def _open(browser: Any, service: Service, view: str) -> Opened:
    """Open a view in a new window, with an empty cache, and wait until all its pictures are there."""
    with closing(browser.new_page(viewport={"width": 1280, "height": 900})) as page:
        answers: list[Any] = []
        page.on("response", lambda answer: answers.append(answer))  # Playwright marks what it calls
        before = processor_seconds(service)
        page.goto(f"{service.url}/ui/{view}")
        page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
        page.wait_for_load_state("networkidle")
        painted = page.evaluate(PAINTED) / 1000
        spent = processor_seconds(service) - before
        sizes = {answer.url: len(answer.body()) for answer in answers if answer.status == 200}
    if wrong := [f"{answer.url}: {answer.status}" for answer in answers if answer.status >= 400]:
        raise FailedViews(", ".join(wrong))
    address = max(sizes, key=lambda each: sizes[each])
    used = megabytes([service.program.id])
    return Opened(view, painted, spent, sizes[address], address.removeprefix(service.url), used)


def _live(browser: Any, service: Service) -> tuple[float, float]:
    """Processor seconds of the API for each second of an open page, and of a script, above those of an idle API.

    What both ask for at first is not counted.
    """
    experiment = service.submit(RUNNING)
    while service.get(f"/experiments/{experiment}")["runs"][0]["epoch"] < 20:
        time.sleep(0.2)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    script = Script(service, experiment)
    idle, shown, polled = list[float](), list[float](), list[float]()
    for _ in range(PHASES):
        idle.append(_rate(service, lambda: time.sleep(PHASE_SECONDS)))
        page.goto(f"{service.url}/ui/experiments/{experiment}")
        while not page.evaluate("[...document.images].every(image => image.complete)"):
            page.wait_for_timeout(100)
        shown.append(_rate(service, lambda: page.wait_for_timeout(1000 * PHASE_SECONDS)))
        page.goto("about:blank")
        script.poll()
        polled.append(_rate(service, script.poll_repeatedly))
    page.close()
    service.cancel(experiment)
    return median(shown) - median(idle), median(polled) - median(idle)


def _rate(service: Service, phase: Callable[[], None]) -> float:
    """Processor seconds of the API for each second of a phase."""
    started, before = time.monotonic(), processor_seconds(service)
    phase()
    return (processor_seconds(service) - before) / (time.monotonic() - started)


class Script:
    """Polls all that the page shows, as the API advises: by ETags, and of the metrics only the new rows."""

    def __init__(self, service: Service, experiment: int) -> None:
        self._service, self._path = service, f"/experiments/{experiment}"
        self._etags = dict[str, str]()
        self._metrics = f"{self._path}/metrics"

    def poll_repeatedly(self) -> None:
        started = time.monotonic()
        while time.monotonic() < started + PHASE_SECONDS:
            time.sleep(REFRESH_SECONDS)
            self.poll()

    def poll(self) -> None:
        """Read the status with the summary, the new rows of the curves, and the confusion matrix."""
        self._read(self._path)
        self._read(f"{self._path}/confusion?epoch=best")
        while rows := self._read(self._metrics):
            self._metrics = rows["next"]
            if len(rows["items"]) < ROWS:
                break

    def _read(self, path: str) -> Any:
        """The body of a response; None if it has not changed."""
        response = self._service.http.get(path, headers={"If-None-Match": self._etags.get(path, "")})
        self._etags[path] = response.headers.get("etag", "")
        return response.raise_for_status().json() if response.status_code == 200 else None


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
