"""Writes a run's events to the database: `write_progress` all but the final one, `end_run` the final one.

The caller has renewed the lease in the same transaction, so an agent that lost the run writes nothing.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from typing import Any, assert_never

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from service.agent.leased_run import LeasedRun
from service.store import queue
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
    Stopped,
    Succeeded,
)

log = logging.getLogger("holdout.agent")


@contextmanager
def savepoint(connection: Connection, run: LeasedRun) -> Iterator[None]:
    """Undo what was written for one run if that fails, so that it does not stop the other runs of a transaction.

    On a disk or an artifact store without space the events wait for the next flush. Events that the database refuses
    would be refused every time: the run fails.
    """
    run.write_failed = False
    try:
        with connection.begin_nested():
            yield
    except (OperationalError, InterfaceError):  # the database is away, for all runs
        raise
    except OSError:
        log.exception("the results of run %s cannot be stored yet", run.claim.lease.run_id)
        run.write_failed = True
    except Exception as error:
        log.exception("the results of run %s cannot be stored", run.claim.lease.run_id)
        message = f"its results could not be stored: {type(error).__name__}"
        run.final_event = Failed("error", message)
        queue.finish(connection, run.claim.lease, "failed", cause="error", message=message)


def write_progress(connection: Connection, run: LeasedRun) -> None:
    """Write the pending events of a run, in order. Epochs that follow each other are written at once."""
    for _, group in groupby(run.pending, type):
        events = list(group)
        match last := events[-1]:
            case EpochEnded():
                epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
                epoch_writer.record_epochs(connection, run.claim.lease.run_id, epochs)
            case CheckpointTaken():
                _save_checkpoint(connection, run, last)
            case BaselinesFitted(baselines):
                _save_baselines(connection, run, [asdict(baseline) for baseline in baselines])
            case _:
                assert_never(last)


def end_run(connection: Connection, run: LeasedRun, event: FinalEvent, *, max_deaths: int) -> None:
    """Write how a run ended, and end its lease. Raises OSError if its model cannot be stored now."""
    lease = run.claim.lease
    match event:
        case Succeeded():
            epoch_writer.save_model(connection, run.artifacts, lease.run_id, event)
            if event.evaluation is not None:
                epoch_writer.record_evaluation(connection, lease.run_id, event.best_epoch, event.evaluation)
            queue.finish(connection, lease, "succeeded")
        case Failed(cause, message):
            queue.finish(connection, lease, "failed", cause=cause, message=message)
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


def _save_baselines(connection: Connection, run: LeasedRun, fitted: list[dict[str, Any]]) -> None:
    if is_of_folds(run.claim.spec):
        epoch_writer.save_baselines_of_fold(connection, run.claim.lease.run_id, fitted)
    else:
        epoch_writer.save_baselines(connection, run.claim.experiment_id, fitted)


def _save_checkpoint(connection: Connection, run: LeasedRun, checkpoint: CheckpointTaken) -> None:
    """Save a checkpoint if it can be stored; otherwise continue, because the previous one remains usable."""
    run_id = run.claim.lease.run_id
    try:
        with connection.begin_nested():
            if epoch_writer.save_checkpoint(connection, run.artifacts, run_id, checkpoint):
                queue.forgive_deaths(connection, run.claim.lease)
    except OSError as error:
        log.warning("a checkpoint of run %s was not stored: %s", run_id, error)
