"""Clients of the deployment: they submit, poll and cancel, and remember which submissions were acknowledged."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.harness import IRIS
from tests.slow_runs import SHORTEST

LONGER = SHORTEST | {"dataset": {"name": "synthetic", "counts": [4000, 4000], "features": 32}}
SPECS: list[dict[str, Any]] = [
    IRIS | {"training": {"epochs": 4}},
    IRIS | {"balancing": "oversample", "loss": "focal", "training": {"epochs": 6, "batch_size": 8}},
    LONGER | {"training": {"epochs": 4, "batch_size": 8}},
    LONGER | {"model": {"hidden": [32, 16], "batch_norm": True, "dropout": 0.2}, "optimizer": "sgd"},
]


@dataclass
class Submission:
    """An acknowledged experiment. cancelled: a cancellation was requested, whether or not a response came."""

    id: int
    name: str
    spec: dict[str, Any]
    cancelled: bool = False


@dataclass
class Clients:
    """Threads that use the API at `ports` until `stop`. A submission without a response is not acknowledged.

    They submit while fewer than `most_active` experiments are queued or running.
    """

    ports: list[int]
    seed: int
    most_active: int
    acknowledged: list[Submission] = field(default_factory=list)
    attempts: int = 0
    unanswered: int = 0
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._use, args=(number,)) for number in range(3)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _use(self, number: int) -> None:
        random_ = random.Random(f"{self.seed}-{number}")
        with httpx2.Client(timeout=10) as http:
            while not self._stopping.is_set():
                port = random_.choice(self.ports)
                try:
                    self._act(http, f"http://127.0.0.1:{port}", random_)
                except httpx2.HTTPError:
                    self.unanswered += 1
                    time.sleep(0.1)
                time.sleep(random_.uniform(0.02, 0.1))

    def _act(self, http: httpx2.Client, url: str, random_: random.Random) -> None:
        active = self._request(http, "GET", f"{url}/experiments?status=running&limit=20")
        queued = self._request(http, "GET", f"{url}/experiments?status=queued&limit=20")
        if active is not None and queued is not None:
            if len(active["items"]) + len(queued["items"]) < self.most_active:
                self._submit(http, url, random_)
            elif random_.random() < 0.1:
                self._cancel(http, url, random_)
        if self.acknowledged:
            id_ = random_.choice(self.acknowledged).id
            self._request(http, "GET", f"{url}/experiments/{id_}")
            metrics = self._request(http, "GET", f"{url}/experiments/{id_}/metrics?limit=1000")
            if metrics is not None:
                keys = [(item["seed"], item["epoch"], item["split"]) for item in metrics["items"]]
                if len(keys) != len(set(keys)):
                    self.refused.append(f"experiment {id_} shows an epoch twice: {keys}")

    def _submit(self, http: httpx2.Client, url: str, random_: random.Random) -> None:
        with self._lock:
            self.attempts += 1
            name = f"chaos-{self.attempts}"
        seeds = sorted(random_.sample(range(3), random_.randint(1, 3)))
        spec = random_.choice(SPECS) | {"seeds": seeds, "priority": random_.randint(0, 1)}
        response = self._request(http, "POST", f"{url}/experiments", spec | {"name": name})
        if response is not None:
            self.acknowledged.append(Submission(response["id"], name, spec))

    def _cancel(self, http: httpx2.Client, url: str, random_: random.Random) -> None:
        submission = random_.choice(self.acknowledged[-self.most_active :])
        submission.cancelled = True
        self._request(http, "POST", f"{url}/experiments/{submission.id}/cancel")

    def _request(self, http: httpx2.Client, method: str, url: str, body: Any = None) -> Any:
        """The body of the response; None if the service is unavailable, or refuses the request."""
        response = http.request(method, url, json=body)
        if response.status_code == 503:
            self.unanswered += 1
            return None
        if response.status_code >= 400 and response.status_code != 409:
            self.refused.append(f"{method} {url}: {response.status_code} {response.text[:500]}")
            return None
        return response.json() if response.status_code < 400 else None
