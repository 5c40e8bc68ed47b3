"""A service that is killed between the entry in the ledger and the answer: neither look nor answer is lost."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.settings import Settings
from tests.program_template import ForkedProgram
from tests.service.experiments.training import train_seed
from tests.service.fake_worker import FakeWorker

SPEC = {"dataset": "iris", "model": {"hidden": [8]}, "training": {"epochs": 2}}
KILLED_AT_THE_COMPARISON = """
import os, signal, sys
from service.experiments import test_evaluation
from service.launcher import serve
from service.settings import Settings

test_evaluation.answer_look = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
serve(Settings(data_dir=sys.argv[1], database_url=sys.argv[2], port=0, workers=0))
"""


@contextmanager
def doomed_service(settings: Settings, log: Path) -> Iterator[tuple[ForkedProgram, str]]:
    """A service that kills itself once the ledger has the entry; the process, and its URL."""
    arguments = [str(settings.data_dir), settings.url]
    with log.open("wb") as output:
        process = ForkedProgram(
            arguments,
            code=KILLED_AT_THE_COMPARISON,
            env=os.environ,
            stdout=output.fileno(),
            stderr=output.fileno(),
        )
    try:
        yield process, _url(log)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def _url(log: Path) -> str:
    """The URL of the service, once its log has it."""
    deadline = time.monotonic() + 30
    while not (found := re.search(r"Holdout answers on (http://[\w.:]+)", log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[1]


@pytest.fixture
def trained(app: FastAPI, fake_worker: FakeWorker) -> Callable[[int], int]:
    """An experiment on iris whose one seed has succeeded."""

    def train(seed: int) -> int:
        experiment_id = fake_worker.submit(**SPEC, seeds=[seed])
        fake_worker.claim()
        train_seed(app, fake_worker, experiment_id, seed)
        return experiment_id

    return train


def test_after_a_kill_the_same_models_get_their_answer_and_no_other_does(
    client: TestClient, settings: Settings, trained: Callable[[int], int], tmp_path: Path
) -> None:
    mine, other = trained(0), trained(1)
    address = f"/experiments/{mine}/test-evaluations"
    with doomed_service(settings, tmp_path / "killed.log") as (process, url):
        with pytest.raises(httpx2.TransportError):
            httpx2.post(url + address, timeout=30)
        assert process.wait(10) == -signal.SIGKILL
    ledger = client.get(address).json()
    assert (ledger["looks"], ledger["remaining"], ledger["items"][0]["accuracy"]) == (1, 0, None)
    assert client.post(f"/experiments/{other}/test-evaluations").status_code == 409
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(client.post, [address, address])
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json() == client.post(address).json()
    assert first.json()["accuracy"] is not None
    assert client.get(address).json()["looks"] == 1
    assert client.post(f"/experiments/{other}/test-evaluations").status_code == 409
