"""A service whose object store refuses, hangs or knows another key for a minute: only what needs the store waits."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from service.store.database import Database
from service.store.tables import Run
from tests.chaos.health import seconds_without_core
from tests.harness import IRIS
from tests.object_stores import ObjectStore, running
from tests.service_process import ServiceProcess

OUTAGE_SECONDS = 60.0
SMALL = IRIS | {"training": {"epochs": 3}}
LARGE = SMALL | {"model": {"hidden": [400, 400]}}
"""Its model is an artifact; that of the others stays in its row."""


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    with running(request.param) as store:
        yield store


class Service:
    """A service as an operator starts it, and a client of it.

    slowest: how long /health and /ready took at most, without the seconds for which the machine had no core for them.
    """

    def __init__(self, folder: Path, url: str, environment: dict[str, str], port: int = 0) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            self.program = ServiceProcess(
                *("serve", f"--port={port}", "--workers=2"),
                data_dir=folder,
                log=folder / "log",
                artifacts=url,
                artifact_bytes=100_000,
                log_level="info",
            )
        self.program.wait_for("Holdout answers on", seconds=120)
        found = re.search(r"http://127\.0\.0\.1:\d+", self.program.log.read_text())
        assert found is not None
        self.http = httpx2.Client(base_url=found[0], timeout=60)
        self.slowest = dict.fromkeys(("/health", "/ready"), 0.0)
        self.ready = 0

    def close(self) -> None:
        self.http.close()
        self.program.end()

    def submit(self, spec: dict[str, Any]) -> str:
        location: str = self.http.post("/experiments", json=spec).raise_for_status().headers["location"]
        return location

    def probe(self) -> None:
        for path in self.slowest:
            before, started = seconds_without_core(self.program.id), time.monotonic()
            self.ready = self.http.get(path).status_code
            took, after = time.monotonic() - started, seconds_without_core(self.program.id)
            waited = max(
                (after[thread] - before[thread] for thread in after.keys() & before.keys()), default=0.0
            )
            self.slowest[path] = max(self.slowest[path], took - waited)

    def wait(self, until: Callable[[], object], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, self.program.log.read_text()[-3000:]
            self.probe()
            time.sleep(0.1)

    def is_over(self, page: str) -> bool:
        return bool(self.http.get(page).json()["status"] == "succeeded")

    def waits_for_store(self, page: str) -> bool:
        return bool(self.http.get(page).json()["runs"][0]["waiting_for"] == "artifact_store")

    def lines(self, text: str) -> list[str]:
        return [line for line in self.program.log.read_text().splitlines() if text in line]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("store", ["s3", "azure"], indirect=True)
@pytest.mark.parametrize("fault", ["refused", "hanging"])
def test_an_outage_of_a_minute_holds_up_only_what_needs_the_store(
    store: ObjectStore, tmp_path: Path, fault: str, record_property: Callable[[str, object], None]
) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(closing(Service(tmp_path, store.url, store.environment)))
        first = service.submit(LARGE)
        service.wait(lambda: service.is_over(first), 180)
        (store.gate.refuse if fault == "refused" else store.gate.hang)()
        until = time.monotonic() + OUTAGE_SECONDS
        large = service.submit(LARGE)
        small = [service.submit(SMALL | {"seeds": [seed]}) for seed in range(5)]
        service.wait(lambda: all(map(service.is_over, small)))
        service.wait(lambda: service.waits_for_store(large))
        service.wait(lambda: time.monotonic() > until)
        assert not service.is_over(large)
        store.gate.open()
        service.wait(lambda: service.is_over(large), 180)
        assert len(service.lines("trying again")) == len(service.lines("is available again")) == 1
        assert "Traceback" not in service.program.log.read_text()
        assert not any(service.lines(f'"logger": "{library}') for library in ("aiobotocore", "azure"))
        (store.gate.refuse if fault == "refused" else store.gate.hang)()
        another = service.submit(LARGE)
        service.wait(lambda: service.waits_for_store(another))
        stopped_at = time.monotonic()
        service.program.signal(signal.SIGTERM)
        assert service.program.wait(12) in (0, -signal.SIGTERM)
        stopping = time.monotonic() - stopped_at
        store.gate.open()
        assert _deaths(tmp_path) == {0}
    assert service.slowest["/health"] < 1.0
    assert service.slowest["/ready"] < 3.0
    slowest = ", ".join(f"{path} {seconds:.2f} s" for path, seconds in service.slowest.items())
    record_property("shown", f"{store.url} {fault}: slowest {slowest}; SIGTERM {stopping:.1f} s")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("store", ["s3rver", "azure"], indirect=True)
def test_with_a_wrong_key_the_service_says_so_and_trains_what_needs_no_store(
    store: ObjectStore, tmp_path: Path
) -> None:
    with closing(Service(tmp_path, store.url, store.with_wrong_key())) as service:
        small = service.submit(SMALL)
        service.wait(lambda: service.is_over(small))
        large = service.submit(LARGE)
        service.wait(lambda: service.waits_for_store(large))
        service.wait(lambda: service.ready == 503)
        assert len(service.lines("trying again")) == 1
        service.program.signal(signal.SIGTERM)
        assert service.program.wait(12) in (0, -signal.SIGTERM)
        assert _deaths(tmp_path) == {0}


def _deaths(folder: Path) -> set[int]:
    with closing(Database(f"sqlite:///{folder / 'holdout.db'}")) as database, database.read() as connection:
        return set(connection.scalars(select(Run.deaths)))
