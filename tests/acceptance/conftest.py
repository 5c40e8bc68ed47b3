"""A whole service - API, agent, worker processes - in this process, and a client of its HTTP interface."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx2
import pytest

from service.launcher import serving
from service.settings import Settings

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
PATIENCE_SECONDS = 100


class Experiments:
    """What a script would do with the service, through HTTP alone."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def submit(self, **spec: Any) -> int:
        """POST a spec; the id of the experiment."""
        answer = self.http.post("/experiments", json=spec)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, experiment: int, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll an experiment until it satisfies a condition."""
        deadline = monotonic() + PATIENCE_SECONDS
        while not condition(answer := self.get(f"/experiments/{experiment}")):
            assert monotonic() < deadline, answer
            sleep(0.02)
        found: dict[str, Any] = answer
        return found

    def finished(self, experiment: int) -> dict[str, Any]:
        """The experiment once it is over; it must have succeeded."""
        over = self.until(experiment, lambda answer: answer["finished_at"] is not None)
        assert over["status"] == "succeeded", over["runs"]
        return over


@contextmanager
def running(data_dir: Path, **settings: Any) -> Iterator[Experiments]:
    """A service on a free port for as long as the context lasts."""
    defaults: dict[str, Any] = {"port": 0, "data_dir": data_dir, "workers": 2, "log_level": "warning"}
    with (
        serving(Settings(**defaults | settings)) as url,
        httpx2.Client(base_url=url, timeout=30) as http,
    ):
        yield Experiments(http)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiments]:
    """One service for the tests of a module, with MNIST in its place where it is to be had."""
    data_dir = tmp_path_factory.mktemp("service")
    (data_dir / "datasets").mkdir()
    if MNIST.is_dir():
        (data_dir / "datasets" / "mnist").symlink_to(MNIST)
    with running(data_dir) as experiments:
        yield experiments
