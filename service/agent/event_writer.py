"""Writes a run's events to the database: `write_progress` all but the final one, `end_run` the final one.

The caller has renewed the lease in the same transaction, so an agent that lost the run writes nothing.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, assert_never

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.agent.leased_run import LeasedRun
from service.store import attempts, queue
from service.store.engine.unavailable import is_unavailable
from service.store.epochs import epoch_writer
from service.store.spec_facts import is_of_folds
from workers.processes.messages import (
    BaselinesFitted,
    CheckpointTaken,
    Command,
    Died,
    EpochEnded,
    Failed,
    FinalEvent,
    Held,
    ProgressEvent,
    Stopped,
    Succeeded,
    TrainingStarted,
)

log = logging.getLogger("holdout.agent")


@contextmanager
def savepoint(connection: Connection, run: LeasedRun) -> Iterator[None]:
    """Undo what was written for one run if that fails, so that it does not stop the other runs of a transaction.

    Events that the database refuses would be refused every time: the run fails.
    """
    try:
        with connection.begin_nested():
            yield
    except Exception as error:
        if isinstance(error, DBAPIError) and is_unavailable(error):  # for all runs
            raise
        log.exception("the results of run %s cannot be stored", run.claim.lease.run_id)
        message = f"its results could not be stored: {type(error).__name__}"
        run.end(Failed("error", message))
        run.ends = True
        queue.finish(connection, run.claim.lease, "failed", cause="error", message=message)


def write_progress(connection: Connection, run: LeasedRun, stored: int) -> None:
    """Write the batch of a run's events: its start, all epochs at once, then what follows from them.

    stored: the last epoch that is in the database already.
    """
    lease, batch = run.claim.lease, sorted(run.batch, key=_place)
    for _, group in groupby(batch, type):
        events = list(group)
        match last := events[-1]:
            case TrainingStarted():
                if run.claim.failed_starts:
                    queue.worker_started(connection, lease)
                attempts.record(connection, lease.run_id, lease.attempt, last)
            case EpochEnded():
                epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
                epoch_writer.record_epochs(connection, lease.run_id, epochs, stored=stored)
            case CheckpointTaken():
                _save_checkpoint(connection, run, last)
            case BaselinesFitted(baselines):
                _save_baselines(connection, run, list(baselines))
            case _:
                assert_never(last)


def _place(event: ProgressEvent) -> int:
    """The place of an event among those that are written together."""
    return (TrainingStarted, EpochEnded, CheckpointTaken, BaselinesFitted).index(type(event))


def _save_checkpoint(connection: Connection, run: LeasedRun, taken: CheckpointTaken) -> None:
    lease = run.claim.lease
    progressed = epoch_writer.save_checkpoint(
        connection, run.artifacts, lease.run_id, taken, attempt=lease.attempt
    )
    if progressed:
        queue.forgive_deaths(connection, lease)


def end_run(connection: Connection, run: LeasedRun, event: FinalEvent, *, max_deaths: int) -> None:
    """Write how a run ended, and end its lease."""
    lease = run.claim.lease
    match event:
        case Succeeded():
            _end_succeeded(connection, run, event)
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


def _end_succeeded(connection: Connection, run: LeasedRun, event: Succeeded) -> None:
    lease = run.claim.lease
    epoch_writer.save_model(connection, run.artifacts, lease.run_id, event)
    if event.evaluation is not None:
        epoch_writer.record_evaluation(connection, lease.run_id, event.best_epoch, event.evaluation)
    queue.finish(connection, lease, "succeeded")


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
