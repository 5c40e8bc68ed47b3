"""Waiting for the end of an experiment: the bar, the time limit, and a service that restarts meanwhile."""

import io
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from service.client import Experiment, RequestRefused, waiting
from service.client.api import Api

Answer = Any


class Replies(Api):
    """Returns or raises one reply after another."""

    def __init__(self, *replies: Answer) -> None:
        super().__init__("http://here")
        self.replies: Iterator[Answer] = iter(replies)
        self.asked: list[tuple[str | None, float]] = []

    def changed_experiment(self, experiment_id: int, etag: str | None, wait: float) -> Answer:
        self.asked.append((etag, wait))
        reply = next(self.replies)
        if isinstance(reply, Exception):
            raise reply
        return reply


def state(status: str, epoch: int) -> Answer:
    return {"name": "x", "status": status, "progress": {"epoch": epoch, "epochs": 40}}, f'"{status}-{epoch}"'


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0)


def test_the_bar_is_drawn_again_when_something_has_changed() -> None:
    api = Replies(state("queued", 0), state("running", 20), None, state("succeeded", 40))
    out = io.StringIO()
    experiment = Experiment(api, 1).wait(file=out)
    assert experiment.status == "succeeded"
    assert [line.rstrip(" ") for line in out.getvalue().split("\r")] == [
        "",
        "[..............................] 0/40 epochs, queued",
        "[###############...............] 20/40 epochs, running",
        "[##############################] 40/40 epochs, succeeded\n",
    ]
    assert [etag for etag, _ in api.asked] == [None, '"queued-0"', '"running-20"', '"running-20"']


def test_without_progress_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    Experiment(Replies(state("queued", 0), state("failed", 3)), 1).wait(progress=False)
    assert capfd.readouterr() == ("", "")


def test_the_time_to_wait_is_limited() -> None:
    experiment = Experiment(Replies(state("running", 1)), 7)
    with pytest.raises(TimeoutError, match="Experiment 7 'x': running after 0 s"):
        experiment.wait(timeout=0, progress=False)


def test_a_service_that_restarts_does_not_end_it() -> None:
    lost, starting = httpx2.ConnectError("refused"), RequestRefused({"status": 503})
    api = Replies(state("running", 1), lost, starting, httpx2.ReadError("closed"), state("succeeded", 40))
    assert Experiment(api, 1).wait(progress=False).status == "succeeded"


def test_a_refusal_and_a_service_that_stays_away_do(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = RequestRefused({"status": 404, "detail": "There is no experiment 1."})
    with pytest.raises(RequestRefused, match="There is no experiment 1"):
        Experiment(Replies(state("running", 1), gone), 1).wait(progress=False)
    monkeypatch.setattr(waiting, "RECONNECT_SECONDS", -1)
    with pytest.raises(httpx2.ConnectError):
        Experiment(Replies(state("running", 1), httpx2.ConnectError("refused")), 1).wait(progress=False)
