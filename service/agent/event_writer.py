"""Writes the events of runs to the database: the batches of their progress, and how they ended.

The caller has renewed the leases in the same transaction, so an agent that lost a run writes nothing of it.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar, assert_never

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.agent.leased_run import LeasedRun
from service.store import attempts, queue
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.engine.unavailable import is_unavailable
from service.store.epochs import epoch_writer
from service.store.epochs.epoch_writer import Measured, NewEpochs
from service.store.queue import Claim
from service.store.spec_facts import is_of_folds
from workers.processes.messages import (
    BaselinesFitted,
    CheckpointTaken,
    Command,
    Died,
    EpochsEnded,
    Failed,
    FinalEvent,
    Held,
    ProgressEvent,
    Stopped,
    Succeeded,
    TrainingStarted,
)

log = logging.getLogger("holdout.agent")

E = TypeVar("E", bound=ProgressEvent)
Unsuccessful = Failed | Stopped | Held | Died


class Unwritten(NamedTuple):
    """A run that has begun its flush, and so something to write. stored: its last epoch that is in the database."""

    run: LeasedRun
    stored: int


def write(connection: Connection, unwritten: Sequence[Unwritten], *, max_deaths: int) -> None:
    """Write the batches of runs and their ends: together, or one by one if something of them is refused.

    So what the database refuses of one run does not stop the others.
    """
    if len(unwritten) > 1 and _written_together(connection, unwritten, max_deaths):
        return
    for each in unwritten:
        with _savepoint(connection, each.run):
            _write(connection, [each], max_deaths)


def _written_together(connection: Connection, unwritten: Sequence[Unwritten], max_deaths: int) -> bool:
    try:
        with connection.begin_nested():
            _write(connection, unwritten, max_deaths)
    except Exception as error:
        if _is_of_all(error):
            raise
        return False
    return True


@contextmanager
def _savepoint(connection: Connection, run: LeasedRun) -> Iterator[None]:
    """Undo what was written for one run if that fails. Events would be refused every time: the run fails."""
    try:
        with connection.begin_nested():
            yield
    except Exception as error:
        if _is_of_all(error):
            raise
        log.exception("the results of run %s cannot be stored", run.claim.lease.run_id)
        message = f"its results could not be stored: {type(error).__name__}"
        run.end(Failed("error", message))
        run.ends = True
        queue.finish(connection, run.claim.lease, "failed", cause="error", message=message)


def _is_of_all(error: Exception) -> bool:
    """Whether the database is away, for all runs."""
    return isinstance(error, DBAPIError) and is_unavailable(error)


def _write(connection: Connection, unwritten: Sequence[Unwritten], max_deaths: int) -> None:
    _write_starts(connection, [each.run for each in unwritten])
    new = [epochs for each in unwritten for epochs in _new_epochs(each)]
    epoch_writer.record_epochs(connection, new)
    for each in unwritten:
        _write_rest(connection, each.run)
    ended = [(each.run, event) for each in unwritten if each.run.ends and (event := each.run.final_event)]
    _write_ends(connection, ended, max_deaths)


def _write_starts(connection: Connection, runs: Iterable[LeasedRun]) -> None:
    started = []
    for run in runs:
        lease = run.claim.lease
        for event in _batch(run, TrainingStarted):
            started.append(attempts.Started(lease.run_id, lease.attempt, event))
            if run.claim.failed_starts:
                queue.worker_started(connection, lease)
    attempts.record_all(connection, started)


def _new_epochs(unwritten: Unwritten) -> Iterator[NewEpochs]:
    for ended in _batch(unwritten.run, EpochsEnded):
        yield NewEpochs(unwritten.run.claim.lease.run_id, ended.epochs, unwritten.stored)


def _write_rest(connection: Connection, run: LeasedRun) -> None:
    """Write the newest checkpoint of a batch, and the baselines."""
    for taken in _batch(run, CheckpointTaken)[-1:]:
        _save_checkpoint(connection, run, taken)
    for fitted in _batch(run, BaselinesFitted)[-1:]:
        _save_baselines(connection, run, list(fitted.baselines))


def _batch(run: LeasedRun, kind: type[E]) -> list[E]:
    """The events of one kind that the present flush stores."""
    return [event for event in run.batch if isinstance(event, kind)]


def _save_checkpoint(connection: Connection, run: LeasedRun, taken: CheckpointTaken) -> None:
    lease = run.claim.lease
    progressed = epoch_writer.save_checkpoint(
        connection, run.artifacts, lease.run_id, taken, attempt=lease.attempt
    )
    if progressed:
        queue.forgive_deaths(connection, lease)


def _write_ends(
    connection: Connection, ended: Sequence[tuple[LeasedRun, FinalEvent]], max_deaths: int
) -> None:
    """Write how runs ended, and end their leases."""
    succeeded = []
    for run, event in ended:
        if isinstance(event, Succeeded):
            succeeded.append((run.claim, event))
        else:
            _end_otherwise(connection, run, event, max_deaths)
    if succeeded:
        _end_succeeded(connection, ended[0][0].artifacts, succeeded)


def _end_succeeded(
    connection: Connection, artifacts: ArtifactStore, ended: Sequence[tuple[Claim, Succeeded]]
) -> None:
    epoch_writer.save_models(connection, artifacts, {claim.lease.run_id: event for claim, event in ended})
    measured = [
        Measured(claim.lease.run_id, event.best_epoch, event.evaluation)
        for claim, event in ended
        if event.evaluation is not None
    ]
    epoch_writer.record_evaluations(connection, measured)
    queue.finish_all(connection, [claim for claim, _ in ended])


def _end_otherwise(connection: Connection, run: LeasedRun, event: Unsuccessful, max_deaths: int) -> None:
    lease = run.claim.lease
    match event:
        case Failed(cause, message):
            queue.finish(connection, lease, "failed", cause=cause, message=message)
        case Stopped("release") if (reason := run.not_started) is not None:
            queue.give_back(connection, lease, cause=reason.cause, message=reason.message, most=reason.most)
        case Held():
            queue.hold(connection, lease)
        case Stopped(command):
            _end_stopped(connection, run, command)
        case Died() if (
            run.sent_command is not None
        ):  # it did not obey in time, so the pool killed it: no death
            _end_stopped(connection, run, run.sent_command)
        case Died(exit_code):
            log.warning("the worker of run %s died, exit code %s", lease.run_id, exit_code)
            queue.record_death(connection, lease, max_deaths=max_deaths)
        case _:
            assert_never(event)


def _end_stopped(connection: Connection, run: LeasedRun, command: Command) -> None:
    """Write the end of a run that was told to stop."""
    lease = run.claim.lease
    match command:
        case "release":
            queue.release(connection, lease)
        case "cancel":
            queue.finish(connection, lease, "cancelled")
        case "timeout":
            limit = run.claim.spec["training"]["max_seconds"]
            message = f"it trained for longer than the {limit:g} seconds of training.max_seconds"
            queue.finish(connection, lease, "failed", cause="timeout", message=message)
        case _:
            assert_never(command)


def _save_baselines(connection: Connection, run: LeasedRun, fitted: list[Any]) -> None:
    if is_of_folds(run.claim.spec):
        epoch_writer.save_baselines_of_fold(connection, run.claim.lease.run_id, fitted)
    else:
        epoch_writer.save_baselines(connection, run.claim.experiment_id, fitted)
