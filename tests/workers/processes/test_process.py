"""What a worker process sends, and when: epochs that are over fast go together."""

import time
from pathlib import Path
from typing import Any

import pytest

from workers.processes import process
from workers.processes.process import Assignment, CheckpointTaken, EpochEnded, Message, Worker
from workers.spec import ExperimentSpec


class Pipe:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[list[Message]] = []

    def send(self, messages: list[Message]) -> None:
        self.sent.append(list(messages))

    @property
    def names(self) -> list[list[str]]:
        return [[type(message).__name__ for message in messages] for messages in self.sent]


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def worker(pipe: Pipe, digits_folder: Path) -> Worker:
    spec = ExperimentSpec.model_validate({"model": {"hidden": [8]}, "training": {"epochs": 4}})
    connection: Any = pipe
    return Worker(connection, Assignment(spec.model_dump_json(), 0, digits_folder))


def test_slow_epochs_are_sent_one_by_one(worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SENDING_PAUSE_SECONDS", 0.0)
    worker.send(worker.work())
    assert pipe.names == [["EpochEnded"], ["BaselinesFitted"], *[["EpochEnded"]] * 3, ["Succeeded"]]


def test_fast_epochs_are_sent_together_and_before_a_baseline_is_fitted(
    worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "SENDING_PAUSE_SECONDS", 1000.0)
    worker.send(worker.work())
    assert pipe.names == [["EpochEnded"], ["BaselinesFitted"], [*["EpochEnded"] * 3, "Succeeded"]]
    epochs = [word.epoch.number for words in pipe.sent for word in words if isinstance(word, EpochEnded)]
    assert epochs == [1, 2, 3, 4]


def test_a_last_word_and_a_checkpoint_come_after_the_epochs_that_wait(
    worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "SENDING_PAUSE_SECONDS", 1000.0)
    between_steps = worker._between_steps

    def release_in_the_third_epoch() -> None:
        if worker.trainer.epoch == 2:
            worker.order = "release"
        between_steps()

    monkeypatch.setattr(worker, "_between_steps", release_in_the_third_epoch)
    worker.send(worker.work())
    assert pipe.names == [["EpochEnded"], ["BaselinesFitted"], ["EpochEnded", "CheckpointTaken"], ["Stopped"]]


def test_what_waits_is_sent_after_the_pause_while_the_next_epoch_trains(worker: Worker, pipe: Pipe) -> None:
    waiting = CheckpointTaken(1, 1, b"")
    worker.unsent.append(waiting)
    worker.sent = time.monotonic()
    worker._between_steps()
    assert pipe.sent == []
    worker.sent -= process.SENDING_PAUSE_SECONDS
    worker._between_steps()
    assert pipe.sent == [[waiting]]
    worker._between_steps()
    assert len(pipe.sent) == 1
