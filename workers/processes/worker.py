"""Trains one assignment in a worker process, and sends its events to the parent through a pipe.

It opens no database and no socket, and never gets the test rows.
"""

import logging
import math
import time
from dataclasses import replace
from functools import lru_cache, partial
from multiprocessing.connection import Connection

from workers import environment
from workers.bfloat16 import NoUnit
from workers.checkpoint import Checkpoint
from workers.epoch_columns import EpochColumns
from workers.evaluation.baselines import Baseline
from workers.linear_baselines import (
    changed_fields,
    constant_baselines,
    figures_depend_on,
    fit_baseline,
    linear_specs,
)
from workers.processes import memory
from workers.processes.messages import (
    Assignment,
    BaselinesFitted,
    CheckpointTaken,
    Command,
    EpochsEnded,
    Failed,
    FinalEvent,
    Held,
    Stopped,
    Succeeded,
    TrainingStarted,
    WorkerEvent,
)
from workers.processes.split_parts import LastSplit
from workers.randomness import run_seed
from workers.shared_baseline import SharedBaseline
from workers.spec import ExperimentSpec
from workers.tasks import resolved
from workers.training import Diverged, Epoch, Trainer

log = logging.getLogger("holdout.worker")

CHECKPOINT_INTERVAL_SECONDS = 1.0
"""The least time between two checkpoints at the ends of epochs: an epoch can take milliseconds."""
SEND_INTERVAL_SECONDS = 0.1
"""The least time between two sends of epochs: no agent stores them more often. Shorter epochs are sent together, so
that they wake the parent once. A killed worker loses at most the epochs of this interval; the next attempt trains
them again.
"""
MAX_ERROR_CHARACTERS = 2000
"""An unexpected error's text is cut after so many characters."""


class StopTraining(Exception):
    """Raised between two training steps when a command has arrived."""

    def __init__(self, command: Command) -> None:
        super().__init__(command)
        self.command = command


class Worker:
    """Trains one assignment in this process."""

    def __init__(
        self, connection: Connection, assignment: Assignment, last_split: LastSplit | None = None
    ) -> None:
        """last_split: what an earlier run of this process has read."""
        self.connection, self.assignment = connection, assignment
        self.last_split = last_split or LastSplit()
        self.command: Command | None = None
        self.opening: list[WorkerEvent] = []
        """Sent with the first message: alone it would wake the parent, and nothing shows it before an epoch."""
        self.unsent: list[Epoch] = []
        self.sent_at = -math.inf
        self.checkpoint_at = time.monotonic()
        self.has_baselines = assignment.has_baselines

    def send(self, *events: WorkerEvent) -> None:
        """Send the epochs that wait, then these events, as one message."""
        waiting = [EpochsEnded(EpochColumns.of(self.unsent))] if self.unsent else []
        if together := [*waiting, *events]:
            self.connection.send([*self.opening, *together])
            self.opening.clear()
        self.unsent.clear()
        self.sent_at = time.monotonic()

    def work(self) -> FinalEvent:
        """Train until the end, a command or an error. Returns the final event; the caller sends it."""
        try:
            self._prepare()
            return self._train()
        except StopTraining as stop:
            return self._stop(stop.command)
        except Diverged as diverged:
            self._send_baseline(wait=True)  # it does not depend on the network
            return Failed("diverged", str(diverged))
        except NoUnit as missing:
            return Failed("error", str(missing))
        except MemoryError:
            return Failed("out_of_memory", self._memory_message())
        except Exception as error:
            log.exception("seed %s ended in an error", self.assignment.seed)
            return Failed("error", f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS])

    def free(self) -> None:
        """Free what the training has allocated, after its end."""
        for name in ("trainer", "parts"):
            vars(self).pop(name, None)

    def _prepare(self) -> None:
        self.parts = parts = self.last_split.parts(self.assignment.split_folder)
        spec = resolved(_spec(self.assignment.spec), parts.training)
        seed = run_seed(self.assignment.seed, self.assignment.repeat, self.assignment.fold)
        self.trainer = Trainer(
            spec,
            parts.training,
            parts.validation,
            seed=seed,
            scaler=parts.scaler(spec),
            draws=parts.draws,
        )
        if self.assignment.checkpoint is not None:
            self.trainer.restore(Checkpoint.from_bytes(self.assignment.checkpoint))
        resumed = self.assignment.checkpoint is not None
        self.opening.append(TrainingStarted(environment.of_run(is_mixed=spec.training.is_mixed), resumed))

    def _memory_message(self) -> str:
        limit = self.assignment.memory_bytes
        return f"a worker process may allocate {limit:,} bytes" if limit else "the machine's memory ran out"

    def _train(self) -> Succeeded | Held:
        if self._is_held:  # the run was interrupted between its checkpoint and its last message
            return Held()
        for epoch in self.trainer.epochs(between_steps=self._between_steps):
            self._epoch_ended(epoch)
            if self._is_held:
                self._send_checkpoint()
                return Held()
        self._send_baseline(wait=True)
        model, best_epoch = self.trainer.model().to_bytes(), self.trainer.best.epoch or 0
        if self.parts.evaluation is not None:
            evaluation, measured = self.trainer.evaluate_selected(
                self.parts.evaluation, self.parts.measured_rows
            )
            return Succeeded(best_epoch, model, measured.to_bytes(), evaluation)
        rows = self.trainer.row_results(self.parts.measured_rows)
        return Succeeded(best_epoch, model, rows.to_bytes() if rows else None)

    @property
    def _is_held(self) -> bool:
        """Whether the run has reached its last epoch for now, and would go on."""
        until = self.assignment.until_epoch
        return until is not None and self.trainer.epoch >= until and not self.trainer.is_complete

    def _epoch_ended(self, epoch: Epoch) -> None:
        self.unsent.append(epoch)
        now = time.monotonic()
        if now - self.sent_at > SEND_INTERVAL_SECONDS:
            self.send()
        if now - self.checkpoint_at > CHECKPOINT_INTERVAL_SECONDS:
            self._send_checkpoint()
        self._send_baseline(wait=False)

    def _send_baseline(self, *, wait: bool) -> None:
        """Send the linear baselines once, after the first epoch if possible: then they exist however the run ends.

        Without `wait`, continue to train while another worker fits it. A baseline that cannot be fitted does not
        fail the run.
        """
        if self.has_baselines or (self.command is not None and not wait):
            return
        try:
            fitted = self._fit_baselines(wait=wait)
        except Exception:
            log.exception("the linear baselines could not be fitted")
            self.has_baselines = True
            return
        if fitted is not None:
            self.send(BaselinesFitted(fitted))
            self.has_baselines = True

    def _fit_baselines(self, *, wait: bool) -> tuple[Baseline, ...] | None:
        """Fit the linear baselines, or read those that other runs have fitted; None while another worker fits one."""
        trainer, found = self.trainer, []
        for name, spec in linear_specs(trainer.spec).items():
            shared = SharedBaseline(self.assignment.split_folder, figures_depend_on(name, spec))
            baseline = shared.get(partial(self._fit_baseline, name, spec), wait=wait)
            if baseline is None:
                return None
            found.append(replace(baseline, changes=changed_fields(trainer.spec, spec)))
        return (*constant_baselines(trainer, self.parts.measured), *found)

    def _fit_baseline(self, name: str, spec: ExperimentSpec) -> Baseline:
        self.send()  # finished epochs do not wait for the fit
        trainer, allocated = self.trainer, memory.allocated_bytes()
        try:
            return fit_baseline(name, spec, trainer.training_part, self.parts.measured, trainer.scaler)
        finally:
            memory.free_garbage(allocated)  # the run goes on, and would keep it to its end: 50 MB of MNIST

    def _stop(self, command: Command) -> Stopped:
        if command == "release":
            self._send_checkpoint()
        return Stopped(command)

    def _between_steps(self) -> None:
        if self.command is not None:
            raise StopTraining(self.command)
        now = time.monotonic()
        if self.unsent and now - self.sent_at > SEND_INTERVAL_SECONDS:
            self.send()
        if now - self.checkpoint_at > self.assignment.checkpoint_seconds:
            self._send_checkpoint()

    def _send_checkpoint(self) -> None:
        checkpoint = self.trainer.checkpoint()
        self.send(CheckpointTaken(checkpoint.epoch, self.trainer.best.epoch, checkpoint.to_bytes()))
        self.checkpoint_at = time.monotonic()


@lru_cache(maxsize=8)
def _spec(text: str) -> ExperimentSpec:
    """The spec in JSON: runs of one experiment have the same."""
    return ExperimentSpec.model_validate_json(text)
