"""Submit an experiment: plan it, store it, queue a run for each seed of each fold."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection

from service.notifiers import Notifier
from service.store import exposures, idempotency_keys, queue
from service.store.database import Database
from service.store.exposures import NewExposure
from service.store.idempotency_keys import KeyedRequest
from service.store.queue import NewExperiment
from workers.data.registry import DatasetRegistry
from workers.plan import Plan, make_plan
from workers.spec import ExperimentSpec


class SubmissionService:
    """Submits the specs of one owner, and only once for each idempotency key."""

    def __init__(
        self,
        database: Database,
        registry: DatasetRegistry,
        notifier: Notifier,
        *,
        owner: str,
        max_queued: int,
    ) -> None:
        self._database, self._registry, self._notifier = database, registry, notifier
        self._owner, self._max_queued = owner, max_queued

    def submit(self, spec: ExperimentSpec, key: str | None) -> int:
        """The id of a new experiment, or of the one that was submitted under this idempotency key before.

        Raises KeyReused, QueueFull or InvalidSpec.
        """
        sha256 = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
        ticket = None if key is None else KeyedRequest(self._owner, key, sha256)
        return submit_once(self._database, ticket, lambda: self._plan(spec), self._store)

    def _plan(self, spec: ExperimentSpec) -> Plan:
        plan = make_plan(spec, self._registry)
        self._registry.share(plan.spec.dataset)
        return plan

    def _store(self, connection: Connection, plan: Plan) -> int:
        return submit(connection, plan, self._notifier, owner=self._owner, max_queued=self._max_queued)


P = TypeVar("P")


def submit_once(
    database: Database,
    ticket: KeyedRequest | None,
    make_plan: Callable[[], P],
    store: Callable[[Connection, P], int],
) -> int:
    """Plan and store what is submitted. Returns its id, or that of what was submitted under the same key before.

    The plan is made outside of the write transaction, and not at all if the key is known. Raises KeyReused.
    """
    if ticket is not None:
        with database.read() as connection:
            submitted_before = idempotency_keys.find(connection, ticket)
        if submitted_before:
            return submitted_before
    plan = make_plan()
    with database.write() as connection:
        submitted_meanwhile = idempotency_keys.take(connection, ticket) if ticket else None
        if submitted_meanwhile:
            return submitted_meanwhile
        id_ = store(connection, plan)
        if ticket:
            idempotency_keys.assign(connection, ticket, id_)
        return id_


def submit(
    connection: Connection,
    plan: Plan,
    notifier: Notifier,
    *,
    owner: str = "local",
    max_queued: int | None = None,
) -> int:
    """Store the resolved spec, its plan, and a queued run for each seed of each fold. Returns the experiment's id.

    Agents are woken by the same transaction: either everything is stored and they are woken, or neither happens.
    Raises QueueFull if the owner would have more than `max_queued` runs queued.
    """
    if max_queued is not None:
        queue.require_room(connection, owner, plan.runs, max_queued)
    new = new_experiment(plan, owner, sweep_id=None, candidate=None, swept=None)
    (experiment_id,) = queue.submit_all(connection, [new])
    record_exposures(connection, [(experiment_id, plan)], owner=owner)
    notifier.wake(connection, experiment_id, queued_runs=plan.runs)
    return experiment_id


def new_experiment(
    plan: Plan,
    owner: str,
    *,
    sweep_id: int | None,
    candidate: int | None,
    swept: dict[str, Any] | None,
    until_epoch: int | None = None,
    drawn: dict[str, Any] | None = None,
) -> NewExperiment:
    """The experiment of a plan, as the queue stores it. candidate, swept: of a sweep, which one and its values;
    until_epoch: where its runs are held; drawn: what its strategy remembers.
    """
    spec = plan.spec
    columns = {
        "name": spec.name,
        "priority": spec.priority,
        "owner": owner,
        "spec": spec.model_dump(mode="json"),
        "spec_hash": plan.spec_hash,
        "plan": plan.facts(),
        "warnings": [asdict(warning) for warning in plan.warnings],
        "dataset": spec.dataset.name,
        "loss": spec.loss.name,
        "optimizer": spec.optimizer.name,
        "balancing": spec.balancing.name,
        "sweep_id": sweep_id,
        "candidate": candidate,
        "swept": swept,
        "drawn": drawn,
    }
    return NewExperiment(
        spec.seeds, spec.training.epochs, spec.tags, columns, spec.split.all_folds, until_epoch
    )


def record_exposures(connection: Connection, plans: Iterable[tuple[int, Plan]], *, owner: str) -> None:
    """Store which rows new experiments train and validate on, by their ids."""
    new = [NewExposure(id_, plan.spec.dataset.name, owner, plan.exposed) for id_, plan in plans]
    exposures.record_new(connection, new)
