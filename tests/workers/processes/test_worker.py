"""What a worker process sends, and when: short epochs are sent together."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workers import environment
from workers.bfloat16 import NoUnit
from workers.nn import mixed_precision
from workers.nn.mixed_precision import EmulatedProducts
from workers.processes import worker as module
from workers.processes.messages import (
    Assignment,
    EpochsEnded,
    Failed,
    TrainingStarted,
    WorkerEvent,
)
from workers.processes.worker import Worker
from workers.spec import ExperimentSpec

FIRST = ["TrainingStarted", "EpochsEnded"]


class Pipe:
    """Records the messages that are sent; each is a list of events."""

    def __init__(self) -> None:
        self.sent: list[list[WorkerEvent]] = []

    def send(self, events: list[WorkerEvent]) -> None:
        self.sent.append(list(events))

    @property
    def names(self) -> list[list[str]]:
        return [[type(event).__name__ for event in events] for events in self.sent]


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def worker(pipe: Pipe, digits_folder: Path) -> Worker:
    spec = ExperimentSpec.model_validate({"model": {"hidden": [8]}, "training": {"epochs": 4}})
    connection: Any = pipe
    return Worker(connection, Assignment(spec.model_dump_json(), 0, digits_folder))


def test_long_epochs_are_sent_one_by_one(worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(module, "CHECKPOINT_INTERVAL_SECONDS", 1000.0)
    worker.send(worker.work())
    assert pipe.names == [FIRST, ["BaselinesFitted"], *[["EpochsEnded"]] * 3, ["Succeeded"]]


def test_short_epochs_are_sent_together_and_before_a_baseline_is_fitted(
    worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_INTERVAL_SECONDS", 1000.0)
    monkeypatch.setattr(module, "CHECKPOINT_INTERVAL_SECONDS", 1000.0)
    worker.send(worker.work())
    assert pipe.names == [FIRST, ["BaselinesFitted"], ["EpochsEnded", "Succeeded"]]
    sent = [
        event.epochs.numbers for events in pipe.sent for event in events if isinstance(event, EpochsEnded)
    ]
    assert [numbers.tolist() for numbers in sent] == [[1], [2, 3, 4]]


def test_unsent_epochs_are_sent_before_a_checkpoint_and_the_final_event(
    worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_INTERVAL_SECONDS", 1000.0)
    between_steps = worker._between_steps

    def release_in_the_third_epoch() -> None:
        if worker.trainer.epoch == 2:
            worker.command = "release"
        between_steps()

    monkeypatch.setattr(worker, "_between_steps", release_in_the_third_epoch)
    worker.send(worker.work())
    assert pipe.names == [FIRST, ["BaselinesFitted"], ["EpochsEnded", "CheckpointTaken"], ["Stopped"]]


@pytest.mark.parametrize("resumed", [False, True])
def test_the_first_event_says_what_computes_the_attempt_and_whether_it_resumes(
    worker: Worker, pipe: Pipe, resumed: bool
) -> None:
    if resumed:
        worker._prepare()
        content = worker.trainer.checkpoint().to_bytes()
        worker.assignment, worker.opening = replace(worker.assignment, checkpoint=content), []
    worker.send(worker.work())
    (started, *_), *_ = pipe.sent
    assert started == TrainingStarted(environment.current(), resumed)


def test_unsent_epochs_are_sent_after_the_interval_while_the_next_one_trains(
    worker: Worker, pipe: Pipe
) -> None:
    worker._prepare()
    worker.unsent.append(next(worker.trainer.epochs()))
    worker.sent_at = time.monotonic()
    worker._between_steps()
    assert pipe.sent == []
    worker.sent_at -= module.SEND_INTERVAL_SECONDS
    worker._between_steps()
    assert pipe.names == [FIRST]
    worker._between_steps()
    assert len(pipe.sent) == 1


def test_a_run_in_bfloat16_fails_with_the_reason_where_there_is_no_unit(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was accepted by another machine."""

    def refuse() -> Any:
        raise NoUnit("no unit for bfloat16", "train in float32")

    monkeypatch.setattr(mixed_precision, "products", refuse)
    spec = ExperimentSpec.model_validate({"training": {"precision": "bfloat16"}})
    worker.assignment = replace(worker.assignment, spec=spec.model_dump_json())
    assert worker.work() == Failed("error", "no unit for bfloat16; train in float32")


def test_a_run_in_bfloat16_says_what_multiplies_and_has_baselines_in_float32(
    worker: Worker, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixed_precision, "products", EmulatedProducts)
    spec = ExperimentSpec.model_validate({"training": {"precision": "bfloat16", "epochs": 1}})
    worker.assignment = replace(worker.assignment, spec=spec.model_dump_json())
    worker.send(worker.work())
    sent = [event for events in pipe.sent for event in events]
    assert sent[0] == TrainingStarted(replace(environment.current(), bfloat16="emulated"), resumed=False)
    assert {"BaselinesFitted", "Succeeded"} <= {type(event).__name__ for event in sent}
