"""The worker process: an assignment in; epochs, checkpoints and the end out, over one pipe.

It opens no database and no socket, and is not given the test rows. When the pipe closes its parent is gone,
and it leaves.
"""

import logging
import math
import os
import signal
import threading
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

from workers.checkpoint import Checkpoint
from workers.data.prepared_splits import read_part
from workers.evaluation.baselines import Baseline
from workers.processes import memory
from workers.processes.failure_causes import Cause
from workers.shared_baseline import SharedBaseline
from workers.spec import ExperimentSpec
from workers.training import Diverged, Epoch, Trainer

log = logging.getLogger("holdout.worker")

Command = Literal["cancel", "timeout", "release"]
"""What a parent may say: end because nobody wants it any more, end because its time is up, or stop here with a
checkpoint so that another goes on."""

CHECKPOINT_PAUSE_SECONDS = 1.0
"""Epochs can be over in milliseconds; between two checkpoints at their ends lies at least this."""
SENDING_PAUSE_SECONDS = 0.02
"""Between two times that epochs are sent: of those that are over faster many go together, and wake the parent once.
Who is killed takes no more of them along, and the next attempt trains them again.
"""
MOST_CHARACTERS = 2000
"""Of the text of an error that nobody expected."""


@dataclass(frozen=True)
class Assignment:
    """One run: the spec as JSON, its seed, the folder of the training and validation rows, where to go on.

    memory_bytes: what the process may allocate; None is all that there is. has_baselines: whether those of the
    experiment are stored already.
    """

    spec: str
    seed: int
    parts: Path
    checkpoint: bytes | None = None
    checkpoint_seconds: float = 30.0
    memory_bytes: int | None = None
    has_baselines: bool = False


@dataclass(frozen=True)
class EpochEnded:
    """An epoch's figures."""

    epoch: Epoch


@dataclass(frozen=True)
class ArtifactReference:
    """Where many bytes are, in place of the bytes: whoever took a message on its way put them there."""

    name: str
    sha256: str


@dataclass(frozen=True)
class CheckpointTaken:
    """All that a bit-identical resume needs; sent after the epochs that it includes."""

    epoch: int
    best_epoch: int | None
    content: bytes | ArtifactReference


@dataclass(frozen=True)
class BaselinesFitted:
    """What is to be beaten on these parts, beside the majority class."""

    baselines: tuple[Baseline, ...]


@dataclass(frozen=True)
class Succeeded:
    """The run is over; `model` holds the weights of the best epoch."""

    best_epoch: int
    model: bytes | ArtifactReference


@dataclass(frozen=True)
class Failed:
    """The run cannot go on: a cause code, and a sentence."""

    cause: Cause
    message: str


@dataclass(frozen=True)
class Stopped:
    """An order was followed. A released run has sent its checkpoint before."""

    order: Command


Message = EpochEnded | CheckpointTaken | BaselinesFitted | Succeeded | Failed | Stopped


class Stop(Exception):
    """Raised between two steps once an order has come."""


class Worker:
    """One assignment being carried out in this process."""

    def __init__(self, connection: Connection, assignment: Assignment) -> None:
        self.connection, self.assignment = connection, assignment
        self.order: Command | None = None
        self.unsent: list[Message] = []
        self.sent = -math.inf
        self.checkpointed = time.monotonic()
        self.has_baselines = assignment.has_baselines

    def listen(self) -> None:
        """Take orders until the parent closes the pipe or dies; then there is nobody to train for."""
        try:
            while True:
                self.order = self.connection.recv()
        except (EOFError, OSError):
            os._exit(1)

    def send(self, *messages: Message) -> None:
        """Send these, and before them what waits."""
        if together := [*self.unsent, *messages]:
            self.connection.send(together)
        self.unsent.clear()
        self.sent = time.monotonic()

    def work(self) -> Message:
        """Train to the end; the last message, whatever happened."""
        try:
            self._prepare()
            return self._train()
        except Stop:
            return self._stop()
        except Diverged as diverged:
            self._send_baseline(wait=True)  # it does not depend on the network
            return Failed("diverged", str(diverged))
        except MemoryError:
            return Failed("out_of_memory", self._limit())
        except Exception as error:
            log.exception("seed %s ended in an error", self.assignment.seed)
            return Failed("error", f"{type(error).__name__}: {error}"[:MOST_CHARACTERS])

    def _prepare(self) -> None:
        spec = ExperimentSpec.model_validate_json(self.assignment.spec)
        parts = [read_part(self.assignment.parts, part) for part in ("train", "validation")]
        self.trainer = Trainer(spec, *parts, seed=self.assignment.seed)
        if self.assignment.checkpoint is not None:
            self.trainer.restore(Checkpoint.from_bytes(self.assignment.checkpoint))

    def _limit(self) -> str:
        limit = self.assignment.memory_bytes
        return f"a worker process may allocate {limit:,} bytes" if limit else "the machine's memory ran out"

    def _train(self) -> Message:
        for epoch in self.trainer.epochs(between_steps=self._between_steps):
            self.unsent.append(EpochEnded(epoch))
            now = time.monotonic()
            if now - self.sent > SENDING_PAUSE_SECONDS:
                self.send()
            if now - self.checkpointed > CHECKPOINT_PAUSE_SECONDS:
                self._checkpoint()
            self._send_baseline(wait=False)
        self._send_baseline(wait=True)
        return Succeeded(self.trainer.best.epoch or 0, self.trainer.model().to_bytes())

    def _send_baseline(self, *, wait: bool) -> None:
        """Send the linear baseline once, after the first epoch if possible: then it is there however the run ends.

        Without `wait`, train on while another worker fits it. A run does not fail if it cannot be fitted.
        """
        if self.has_baselines or (self.order is not None and not wait):
            return
        try:
            shared = SharedBaseline(self.assignment.parts, asdict(self.trainer.spec.scaling))
            baseline = shared.get(self._fit_baseline, wait=wait)
        except Exception:
            log.exception("the linear baseline could not be fitted")
            self.has_baselines = True
            return
        if baseline is not None:
            self.send(BaselinesFitted((baseline,)))
            self.has_baselines = True

    def _fit_baseline(self) -> Baseline:
        self.send()  # the epochs that are over do not wait for it
        return self.trainer.linear_baseline()

    def _stop(self) -> Message:
        assert self.order is not None  # noqa: S101 -- Stop is raised for an order alone
        if self.order == "release":
            self._checkpoint()
        return Stopped(self.order)

    def _between_steps(self) -> None:
        if self.order is not None:
            raise Stop
        now = time.monotonic()
        if self.unsent and now - self.sent > SENDING_PAUSE_SECONDS:
            self.send()
        if now - self.checkpointed > self.assignment.checkpoint_seconds:
            self._checkpoint()

    def _checkpoint(self) -> None:
        taken = self.trainer.checkpoint()
        self.send(CheckpointTaken(taken.epoch, self.trainer.best.epoch, taken.to_bytes()))
        self.checkpointed = time.monotonic()


def main(connection: Connection, assignment: Assignment) -> None:
    """Carry out an assignment; the target of a child process."""
    worker = Worker(connection, assignment)

    def release(*_: object) -> None:
        worker.order = worker.order or "release"

    signal.signal(signal.SIGTERM, release)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent gives the order
    threading.Thread(target=worker.listen, daemon=True).start()
    memory.volunteer()
    memory.limit(assignment.memory_bytes)
    worker.send(worker.work())
