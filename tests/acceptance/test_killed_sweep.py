"""A sweep whose service is killed twice while it runs: nothing is lost, and nothing is there twice."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client, Response
from sqlalchemy import select

from service.launcher import serving
from service.settings import Settings
from service.store.database import Database
from service.store.tables import EpochMetrics, Experiment, Run
from tests.harness import Harness
from tests.service_process import ForkedService
from workers.data.registry import DatasetRegistry

SEEDS, EPOCHS = [0, 1, 2], 4
SPEC = {"dataset": "iris", "training": {"epochs": EPOCHS}, "seeds": SEEDS, "model": {"hidden": [8]}}
SPACE = {"optimizer.learning_rate": {"log": [0.0001, 0.1]}, "loss": ["cross_entropy", "focal"]}
CHECKED = 5
"""So many candidates are compared, epoch by epoch, with training that nothing disturbed."""


@contextmanager
def started(folder: Path) -> Iterator[Client]:
    """The service as an operator starts it. It is killed with all its processes when the context ends."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    settings = {"port": 0, "workers": 2, "lease_seconds": 2, "checkpoint_seconds": 0.2, "max_queued": 10_000}
    program = ForkedService("serve", data_dir=folder, log=log, **settings)
    try:
        program.wait_for("Holdout answers on", seconds=60)
        address = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        assert address is not None
        with Client(base_url=address[0], timeout=60) as client:
            yield client
    finally:
        program.end()


def until(client: Client, path: str, ended: int) -> dict[str, Any]:
    """Wait until so many candidates have ended."""
    while True:
        sweep: dict[str, Any] = client.get(path).json()
        if sum(sweep["counts"][status] for status in ("succeeded", "failed", "cancelled")) >= ended:
            return sweep
        time.sleep(0.1)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "candidates", [40, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_a_sweep_survives_two_kills_of_its_service(tmp_path: Path, candidates: int) -> None:
    request = {"spec": SPEC, "space": SPACE, "strategy": "random", "candidates": candidates}
    with started(tmp_path) as client:
        path = client.post("/sweeps", json=request).raise_for_status().json()["links"]["self"]
        until(client, path, candidates // 4)
    with started(tmp_path) as client:
        assert client.get(path).json()["candidates"] == candidates
        until(client, path, candidates // 2)
    with started(tmp_path) as client:
        sweep = until(client, path, candidates)
        assert (sweep["status"], sweep["counts"]["succeeded"]) == ("succeeded", candidates)
        assert read_leaderboard(client, path) == candidates
    check(tmp_path, candidates)


def read_leaderboard(client: Client, path: str) -> int:
    """How many candidates it ranks. Prints how long it takes at first, again, and as 304, with -s."""
    path, took = f"{path}/leaderboard", []
    headers: dict[str, str] = {}
    for _ in range(4):
        begun = time.perf_counter()
        response = client.get(path, headers=headers)
        took.append(f"{response.status_code} in {time.perf_counter() - begun:.3f} s")
        if len(took) == 2:
            ranked = len(response.raise_for_status().json()["items"])
            headers = {"If-None-Match": response.headers["etag"]}
    print("\nleaderboard:", *took, sep="\n  ")  # noqa: T201 -- the figures, with -s
    return ranked


def check(folder: Path, candidates: int) -> None:
    """Every candidate, run and epoch is there once, with the figures of undisturbed training."""
    settings = Settings(data_dir=folder)
    database = Database(settings.url)
    harness = Harness(database, DatasetRegistry(folder), settings)
    with database.read() as connection:
        experiments = connection.execute(select(Experiment).order_by(Experiment.candidate)).all()
        runs = connection.execute(select(Run)).all()
        epochs = Counter(connection.scalars(select(EpochMetrics.run_id)))
    assert [each.candidate for each in experiments] == list(range(candidates))
    assert len({each.spec_hash for each in experiments}) == candidates
    assert Counter(run.experiment_id for run in runs) == {each.id: len(SEEDS) for each in experiments}
    assert {run.status for run in runs} == {"succeeded"}
    assert epochs == {run.id: 2 * EPOCHS for run in runs}
    again = [run for run in runs if run.attempt > 1]
    assert again, "no run was interrupted"
    specs = {each.id: each.spec for each in experiments}
    for run in again[:CHECKED]:
        assert harness.figures(run) == harness.undisturbed(specs[run.experiment_id], seed=run.seed)
    print(f"\n{candidates:,} candidates, {len(runs):,} runs, {sum(r.attempt - 1 for r in runs)} interrupted")  # noqa: T201 -- the figure, with -s
    database.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_candidates_are_accepted_and_cancelled(tmp_path: Path) -> None:
    request = {"spec": SPEC, "space": SPACE, "strategy": "random", "candidates": 1000}
    settings = Settings(data_dir=tmp_path, port=0, workers=0, log_level="warning", max_queued=10_000)
    with serving(settings) as url, Client(base_url=url, timeout=300) as client:
        path = timed("submit", lambda: client.post("/sweeps", json=request)).json()["links"]["self"]
        assert timed("cancel", lambda: client.post(f"{path}/cancel")).json()["counts"]["cancelled"] == 1000


def timed(name: str, request: Callable[[], Response]) -> Response:
    """Carry out a request, which must succeed. Prints how long it takes, with -s."""
    begun, busy = time.perf_counter(), time.process_time()
    response = request().raise_for_status()
    wall, processor = time.perf_counter() - begun, time.process_time() - busy
    print(f"\n{name}: {wall:.2f} s, {processor:.2f} s of a processor")  # noqa: T201 -- the figures, with -s
    return response
