"""A whole service with API, agent and worker processes, and a client of its HTTP interface."""

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
TIMEOUT_SECONDS = 100


class ServiceClient:
    """Uses the service as a script would, only through HTTP."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def submit(self, **spec: Any) -> int:
        """POST a spec. Returns the id of the experiment."""
        response = self.http.post("/experiments", json=spec)
        assert response.status_code == 202, response.text
        return int(response.json()["id"])

    def get(self, path: str, **query: Any) -> Any:
        """GET a path, which must succeed. Returns the JSON."""
        response = self.http.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def until(self, experiment: int, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll an experiment until it satisfies a condition. Returns it."""
        deadline = monotonic() + TIMEOUT_SECONDS
        while not condition(state := self.get(f"/experiments/{experiment}")):
            assert monotonic() < deadline, state
            sleep(0.02)
        result: dict[str, Any] = state
        return result

    def finished(self, experiment: int) -> dict[str, Any]:
        """Wait until an experiment has ended; it must have succeeded. Returns it."""
        ended = self.until(experiment, lambda state: state["finished_at"] is not None)
        assert ended["status"] == "succeeded", ended["runs"]
        return ended


@contextmanager
def running(data_dir: Path, **settings: Any) -> Iterator[ServiceClient]:
    """Run a service on a free port for as long as the context lasts. Yields a client of it."""
    defaults: dict[str, Any] = {"port": 0, "data_dir": data_dir, "workers": 2, "log_level": "warning"}
    with (
        serving(Settings(**defaults | settings)) as url,
        httpx2.Client(base_url=url, timeout=30) as http,
    ):
        yield ServiceClient(http)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceClient]:
    """One service for the tests of a module, with MNIST in its data folder if the files are available."""
    data_dir = tmp_path_factory.mktemp("service")
    (data_dir / "datasets").mkdir()
    if MNIST.is_dir():
        (data_dir / "datasets" / "mnist").symlink_to(MNIST)
    with running(data_dir) as client:
        yield client
