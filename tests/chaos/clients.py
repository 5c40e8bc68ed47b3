"""Clients of the deployment: they submit experiments and sweeps, poll, cancel, ask for reports and send batches to
monitors, and remember what was acknowledged.
"""

import random
import threading
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import httpx2

from tests.harness import IRIS
from tests.slow_runs import SHORTEST

CORRUPTED = {"corruptions": ["noise", "swapped_columns"]}
LONGER = SHORTEST | {"dataset": {"name": "synthetic", "counts": [4000, 4000], "features": 32}}
SPECS: list[dict[str, Any]] = [
    IRIS | {"training": {"epochs": 4}},
    IRIS | {"balancing": "oversample", "loss": "focal", "training": {"epochs": 6, "batch_size": 8}},
    LONGER | {"training": {"epochs": 4, "batch_size": 8}},
    LONGER | {"model": {"hidden": [32, 16], "batch_norm": True, "dropout": 0.2}, "optimizer": "sgd"},
    IRIS | {"robustness": CORRUPTED, "training": {"epochs": 2}},
]
RATES = {"optimizer.learning_rate": {"log": [1e-4, 1e-1]}}
HALVING = {
    "strategy": {"name": "successive_halving", "eta": 2, "min_epochs": 1},
    "spec": IRIS | {"training": {"epochs": 4}, "seeds": [0, 1]},
}
ADAPTIVE = {
    "strategy": {"name": "tpe", "startup": 2, "outstanding": 2},
    "spec": IRIS | {"training": {"epochs": 2}, "seeds": [0]},
}
SWEEPS: list[dict[str, Any]] = [HALVING, ADAPTIVE] if find_spec("optuna") else [HALVING]
CANDIDATES = (4, 6)
CENTRES = (5.8, 3.1, 3.8, 1.2)
"""The means of the four features of iris."""


@dataclass
class Submission:
    """An acknowledged experiment. cancelled: a cancellation was requested, whether or not a response came."""

    id: int
    name: str
    spec: dict[str, Any]
    cancelled: bool = False


@dataclass
class SubmittedSweep:
    """An acknowledged sweep."""

    id: int
    name: str
    request: dict[str, Any]


@dataclass
class WatchedMonitor:
    """An acknowledged monitor. batches: the rows of all that were sent, by name. answered: the numbers of those that
    were acknowledged.
    """

    id: int
    name: str
    batches: dict[str, list[list[float]]] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)


@dataclass
class Clients:
    """Threads that use the API at `ports` until `stop`. A submission without a response is not acknowledged.

    They submit while fewer than `most_active` experiments are queued or running. A batch without a response is sent
    again under its name.
    """

    ports: list[int]
    seed: int
    most_active: int
    acknowledged: list[Submission] = field(default_factory=list)
    sweeps: list[SubmittedSweep] = field(default_factory=list)
    monitors: list[WatchedMonitor] = field(default_factory=list)
    reports: set[int] = field(default_factory=set)
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
                submit = self._submit_sweep if random_.random() < 0.15 else self._submit
                submit(http, url, random_)
            elif random_.random() < 0.1:
                self._cancel(http, url, random_)
        if self.acknowledged:
            id_ = random_.choice(self.acknowledged).id
            found = self._request(http, "GET", f"{url}/experiments/{id_}")
            if found is not None and found["status"] == "succeeded" and random_.random() < 0.2:
                self._watch(http, url, random_, found)
                self._ask_for_report(http, url, found)
            metrics = self._request(http, "GET", f"{url}/experiments/{id_}/metrics?limit=1000")
            if metrics is not None:
                keys = [(item["seed"], item["epoch"], item["split"]) for item in metrics["items"]]
                if len(keys) != len(set(keys)):
                    self.refused.append(f"experiment {id_} shows an epoch twice: {keys}")

    def _submit(self, http: httpx2.Client, url: str, random_: random.Random) -> None:
        name = self._next_name("experiment")
        seeds = sorted(random_.sample(range(3), random_.randint(1, 3)))
        spec = random_.choice(SPECS) | {"seeds": seeds, "priority": random_.randint(0, 1)}
        response = self._request(http, "POST", f"{url}/experiments", spec | {"name": name})
        if response is not None:
            self.acknowledged.append(Submission(response["id"], name, spec))

    def _submit_sweep(self, http: httpx2.Client, url: str, random_: random.Random) -> None:
        request = random_.choice(SWEEPS) | {"space": RATES, "candidates": random_.choice(CANDIDATES)}
        name = self._next_name("sweep")
        response = self._request(http, "POST", f"{url}/sweeps", request | {"name": name})
        if response is not None:
            self.sweeps.append(SubmittedSweep(response["id"], name, request))

    def _watch(
        self, http: httpx2.Client, url: str, random_: random.Random, experiment: dict[str, Any]
    ) -> None:
        """Add a monitor of an experiment on iris, or send a batch to one that there is."""
        is_iris = experiment["spec"]["dataset"]["name"] == "iris"
        if is_iris and (not self.monitors or random_.random() < 0.2):
            name = self._next_name("monitor")
            wanted = {"name": name, "experiment_id": experiment["id"], "detectors": ["outputs", "features"]}
            response = self._request(http, "POST", f"{url}/monitors", wanted)
            if response is not None:
                self.monitors.append(WatchedMonitor(response["id"], name))
        if self.monitors:
            self._send_batch(http, url, random_, random_.choice(self.monitors))

    def _ask_for_report(self, http: httpx2.Client, url: str, experiment: dict[str, Any]) -> None:
        """Ask for a report on corrupted rows of an experiment on iris, perhaps again."""
        if experiment["spec"]["dataset"]["name"] == "iris":
            path = f"{url}/experiments/{experiment['id']}/robustness"
            if self._request(http, "POST", path, CORRUPTED, conflicts=False) is not None:
                self.reports.add(experiment["id"])

    def _send_batch(
        self, http: httpx2.Client, url: str, random_: random.Random, monitor: WatchedMonitor
    ) -> None:
        """Send a batch without an answer again, or a new one; some have shifted."""
        unanswered = sorted(monitor.batches.keys() - monitor.answered.keys())
        name = random_.choice(unanswered) if unanswered else self._next_name("batch")
        shift = random_.choice((0.0, 0.0, 2.0))
        rows = [[round(random_.gauss(mean + shift, 1.0), 2) for mean in CENTRES] for _ in range(20)]
        rows = monitor.batches.setdefault(name, rows)
        path = f"{url}/monitors/{monitor.id}/batches?name={name}"
        response = self._request(http, "POST", path, {"rows": rows}, conflicts=False)
        if response is not None:
            number = monitor.answered.setdefault(name, response["number"])
            if number != response["number"]:
                self.refused.append(f"batch {name} was number {number}, now {response['number']}")

    def _next_name(self, kind: str) -> str:
        with self._lock:
            self.attempts += 1
            return f"chaos-{kind}-{self.attempts}"

    def _cancel(self, http: httpx2.Client, url: str, random_: random.Random) -> None:
        submission = random_.choice(self.acknowledged[-self.most_active :])
        submission.cancelled = True
        self._request(http, "POST", f"{url}/experiments/{submission.id}/cancel")

    def _request(
        self, http: httpx2.Client, method: str, url: str, body: Any = None, *, conflicts: bool = True
    ) -> Any:
        """The body of the response; None if the service is unavailable, or refuses the request.

        conflicts: whether it may be refused with 409, because it came too late.
        """
        response = http.request(method, url, json=body)
        if response.status_code == 503:
            self.unanswered += 1
            return None
        if response.status_code >= 400 and not (conflicts and response.status_code == 409):
            self.refused.append(f"{method} {url}: {response.status_code} {response.text[:500]}")
            return None
        return response.json() if response.status_code < 400 else None
