"""Clients of a soak test: each submits, polls, streams, uploads, cancels and deletes, at random, without end."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2

from tests.harness import IRIS

SPECS: list[dict[str, Any]] = [
    IRIS | {"training": {"epochs": 4}},
    IRIS | {"seeds": [0, 1], "balancing": "oversample", "loss": "focal", "training": {"epochs": 6}},
    {"model": {"hidden": [32]}, "training": {"epochs": 3}},
    {"model": "linear"},
    {
        "dataset": {"name": "synthetic", "counts": [900, 100]},
        "model": {"hidden": [8]},
        "training": {"epochs": 5},
    },
]
MOST_ACTIVE = 10
"""How many experiments may be queued or running; more would only make the queue longer."""
KEPT = 60
"""How many experiments are kept: the clients delete older ones, so that the database has a steady size."""
MOST_DELETED = 4
"""At a time."""
STREAM_SECONDS = 2.0
PAUSE_SECONDS = (0.05, 0.3)
EXPECTED = (404, 409, 429)
"""Refusals: it was deleted, it has ended, or two uploads of this owner are being received already."""
MOST_FAILURES = 20
"""How many unexpected responses are kept for the report."""


class Client(threading.Thread):
    """One client. `done` counts what it did, `unexpected` has the responses that no client should get."""

    def __init__(self, url: str, number: int, stopping: threading.Event) -> None:
        super().__init__(name=f"client-{number}")
        self.url, self.number, self.stopping = url, number, stopping
        self.random = random.Random(number)
        self.done: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self.slowest = 0.0

    def run(self) -> None:
        actions: list[tuple[Callable[[], None], int]] = [
            (self.submit, 4),
            (self.poll, 12),
            (self.stream, 2),
            (self.upload, 1),
            (self.cancel, 1),
            (self.delete, 4),
        ]
        chosen, weights = zip(*actions, strict=True)
        with httpx2.Client(base_url=self.url, timeout=30) as self.http:
            while not self.stopping.is_set():
                (action,) = self.random.choices(chosen, weights)
                try:
                    action()
                except httpx2.HTTPError as error:
                    self.unexpected.append(f"{action.__name__}: {type(error).__name__}: {error}")
                self.done[action.__name__] += 1
                time.sleep(self.random.uniform(*PAUSE_SECONDS))

    def submit(self) -> None:
        active = sum(len(self.listed(status)) for status in ("queued", "running"))
        if active < MOST_ACTIVE:
            self.request("POST", "/experiments", json=self.random.choice(SPECS))

    def poll(self) -> None:
        """Read an experiment in all its parts, as a dashboard does."""
        if id_ := self.any_of(self.listed()):
            for path in ("", "/metrics?limit=200", "/classes", "/confusion", "/charts/curves.svg"):
                self.request("GET", f"/experiments/{id_}{path}")
            self.request("GET", "/")

    def stream(self) -> None:
        if not (id_ := self.any_of(self.listed("running"))):
            return
        started = time.monotonic()
        with self.http.stream("GET", f"/experiments/{id_}/events") as response:
            for _ in response.iter_lines():
                if time.monotonic() - started > STREAM_SECONDS or self.stopping.is_set():
                    return

    def upload(self) -> None:
        """Upload a table, train on it, and delete it."""
        rows = "".join(f"{self.random.random():.6f},{self.random.random():.6f},{i % 2}\n" for i in range(400))
        name = f"soak-{self.number}"
        form = {"name": name, "format": "csv"}
        table = {"file": ("rows.csv", f"a,b,label\n{rows}")}
        if self.request("POST", "/datasets", data=form, files=table) is None:
            return
        self.request("POST", "/experiments", json={"dataset": name, "training": {"epochs": 2}})
        self.request("DELETE", f"/datasets/{name}")

    def cancel(self) -> None:
        if id_ := self.any_of(self.listed("running") + self.listed("queued")):
            self.request("POST", f"/experiments/{id_}/cancel")

    def delete(self) -> None:
        """Delete the oldest experiments, if there are more than are kept: uploads and other clients add some too."""
        ids = self.listed(limit=200, sort="id")
        for id_ in ids[: min(MOST_DELETED, max(0, len(ids) - KEPT))]:
            self.request("DELETE", f"/experiments/{id_}")

    def listed(self, status: str | None = None, *, limit: int = 20, **query: str) -> list[int]:
        chosen = query | {"limit": str(limit)} | ({"status": status} if status else {})
        page = self.request("GET", "/experiments", params=chosen)
        return [item["id"] for item in page["items"]] if page else []

    def any_of(self, ids: list[int]) -> int | None:
        return self.random.choice(ids) if ids else None

    def request(self, method: str, path: str, **options: Any) -> Any:
        """The JSON body of the response. Refusals that follow from the state, or from other clients, are fine."""
        started = time.monotonic()
        response = self.http.request(method, path, **options)
        self.slowest = max(self.slowest, time.monotonic() - started)
        if response.status_code >= 400 and response.status_code not in EXPECTED:
            self.unexpected = [*self.unexpected, f"{method} {path}: {response.text[:300]}"][:MOST_FAILURES]
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.json() if is_json and response.content and response.status_code < 400 else None
