"""Takes a planned experiment into the queue."""

import hashlib
from dataclasses import asdict

from sqlalchemy import Connection

from service.notifiers import Notifier
from service.store import idempotency, queue
from service.store.database import Database
from service.store.idempotency import Ticket
from workers.data.registry import DatasetRegistry
from workers.plan import Plan, make_plan
from workers.spec import ExperimentSpec


class SubmissionService:
    """Takes in what one owner sends, once for each key that he gives."""

    def __init__(
        self, database: Database, library: DatasetRegistry, engine: Notifier, *, owner: str, max_queued: int
    ) -> None:
        self._database, self._library, self._engine = database, library, engine
        self._owner, self._max_queued = owner, max_queued

    def accept(self, spec: ExperimentSpec, key: str | None) -> int:
        """The id of a new experiment, or of the one that was made under this key. Raises KeyReused, QueueFull or
        InvalidSpec.
        """
        if key is None:
            return self._accept(spec, None)
        ticket = Ticket(self._owner, key, hashlib.sha256(spec.model_dump_json().encode()).hexdigest())
        with self._database.read() as connection:
            made_before = idempotency.find(connection, ticket)
        return made_before or self._accept(spec, ticket)

    def _accept(self, spec: ExperimentSpec, ticket: Ticket | None) -> int:
        plan = make_plan(spec, self._library)
        self._library.share(plan.spec.dataset)
        with self._database.write() as connection:
            made_meanwhile = idempotency.take(connection, ticket) if ticket else None
            if made_meanwhile:
                return made_meanwhile
            id_ = submit(connection, plan, self._engine, owner=self._owner, max_queued=self._max_queued)
            if ticket:
                idempotency.assign(connection, ticket, id_)
            return id_


def submit(
    connection: Connection,
    plan: Plan,
    engine: Notifier,
    *,
    owner: str = "local",
    max_queued: int | None = None,
) -> int:
    """Store the resolved spec, what is known of it, and a queued run for each seed; the experiment's id.

    All of it and the ringing for agents are one transaction: nothing is stored unannounced, nor the other way.
    Raises QueueFull where the owner would have more than `max_queued` runs queued.
    """
    spec = plan.spec
    if max_queued is not None:
        queue.require_room(connection, owner, len(spec.seeds), max_queued)
    experiment_id = queue.submit(
        connection,
        seeds=spec.seeds,
        epochs=spec.training.epochs,
        tags=spec.tags,
        name=spec.name,
        priority=spec.priority,
        owner=owner,
        spec=spec.model_dump(mode="json"),
        spec_hash=spec.spec_hash,
        plan=plan.facts(),
        warnings=[asdict(warning) for warning in plan.warnings],
        dataset=spec.dataset.name,
        loss=spec.loss.name,
        optimizer=spec.optimizer.name,
        balancing=spec.balancing.name,
    )
    engine.announce(connection, experiment_id, len(spec.seeds))
    return experiment_id
