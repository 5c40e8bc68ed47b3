"""A dashboard that polls a hundred experiments each second: it misses no epoch, and is told when there is no news."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from tests.service.fake_worker import CONFUSION, FakeWorker
from tests.service_process import ForkedService

EXPERIMENTS, FEW = 100, 10
ENOUGH = 0.95
"""Of the polls, that say that nothing has changed, once that is so."""


class Dashboard:
    """Asks for the metrics of each experiment, with the tag of what it shows."""

    def __init__(self, client: Client, ids: list[int]) -> None:
        self.client = client
        self.tags: dict[int, str] = {}
        self.shown: dict[int, list[int]] = {id_: [] for id_ in ids}
        """The epochs of each experiment."""

    def poll(self) -> Counter[int]:
        """How often which status came."""
        return Counter(self._poll(id_) for id_ in self.shown)

    def _poll(self, id_: int) -> int:
        path = f"/experiments/{id_}/metrics?split=validation"
        known = {"If-None-Match": self.tags[id_]} if id_ in self.tags else {}
        response = self.client.get(path, headers=known)
        if response.status_code == 200:
            self.tags[id_] = response.headers["etag"]
            self.shown[id_] = [row["epoch"] for row in response.json()["items"]]
        return response.status_code


def test_a_dashboard_shows_every_epoch_at_its_next_poll_and_then_only_asks_whether_there_is_news(
    client: TestClient, fake_worker: FakeWorker
) -> None:
    ids = [fake_worker.submit(training={"epochs": 4}) for _ in range(FEW)]
    dashboard = Dashboard(client, ids)
    assert dashboard.poll() == {200: FEW}
    stored: dict[int, list[int]] = {id_: [] for id_ in ids}
    for second in range(3):
        advancing = ids[second::2]  # each second half of them, some twice
        for id_ in advancing:
            stored[id_].append(len(stored[id_]) + 1)
            fake_worker.epoch(id_, stored[id_][-1], CONFUSION)
        assert dashboard.poll() == {200: len(advancing), 304: FEW - len(advancing)}
        assert dashboard.shown == stored
    for _ in range(2):
        assert dashboard.poll() == {304: FEW}
    assert dashboard.shown == stored


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Client]:
    """A service of its own process, that trains."""
    program = ForkedService("serve", data_dir=tmp_path, log=tmp_path / "log", workers=1, port=0)
    try:
        program.wait_for("Holdout answers on")
        url = re.search(r"http://127\.0\.0\.1:\d+", program.log.read_text())
        assert url is not None
        with Client(base_url=url[0], timeout=60) as client:
            yield client
    finally:
        program.end()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_for_a_minute_beside_training(service: Client) -> None:
    """What it measured is shown by `pytest -s`."""
    spec = {"dataset": "digits", "training": {"epochs": 30}}
    ids = [int(service.post("/experiments", json=spec).json()["id"]) for _ in range(EXPERIMENTS)]
    dashboard = Dashboard(service, ids)
    busy, quiet = Counter[int](), Counter[int]()
    slowest, second, over_at = 0.0, 0, None
    started = time.monotonic()
    while second < 60 or over_at is None or second < over_at + 20:
        time.sleep(max(0.0, started + second - time.monotonic()))
        began = time.monotonic()
        (busy if over_at is None else quiet).update(dashboard.poll())
        slowest = max(slowest, time.monotonic() - began)
        second += 1
        if over_at is None and _are_over(service):
            busy.update(dashboard.poll())  # what came between
            over_at = second
    stored = {id_: _epochs(service, id_) for id_ in ids}
    share = quiet[304] / quiet.total()
    print(  # noqa: T201
        f"\n{second} seconds, {EXPERIMENTS} experiments: training for {over_at}, {busy.total():,} polls, "
        f"{busy[304] / busy.total():.1%} of them 304; then {quiet.total():,} polls, {share:.1%} 304; "
        f"{sum(map(len, stored.values())):,} epochs; the slowest round took {slowest:.2f} s"
    )
    assert dashboard.shown == stored == {id_: list(range(1, 31)) for id_ in ids}
    assert share >= ENOUGH


def _are_over(service: Client) -> bool:
    active = [service.get("/experiments", params={"status": status}) for status in ("queued", "running")]
    return not any(each.json()["items"] for each in active)


def _epochs(service: Client, id_: int) -> list[int]:
    rows = service.get(f"/experiments/{id_}/metrics?seed=0&split=validation").json()["items"]
    return [row["epoch"] for row in rows]
