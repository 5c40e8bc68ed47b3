"""The life of a sweep: submit it with all its candidates in one transaction, cancel, retry and delete it as one."""

import hashlib
from typing import Any

from sqlalchemy import Connection

from service.experiments.submission import new_experiment, record_exposures
from service.notifiers import Notifier
from service.store import idempotency_keys, queue, sweep_reader, sweep_writer
from service.store.database import Database
from service.store.errors import NothingToRetryInSweep, SweepActive, SweepOver
from service.store.idempotency_keys import KeyedRequest
from service.store.tables import ACTIVE_STATUSES
from workers.data.registry import DatasetRegistry
from workers.sweeps.candidates import SweepPlan, plan_sweep
from workers.sweeps.request import SweepRequest


class SweepService:
    """Submits the sweeps of one owner, and only once for each idempotency key."""

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

    def submit(self, request: SweepRequest, key: str | None) -> int:
        """The id of a new sweep, or of the one that was submitted under this idempotency key before.

        Raises KeyReused, QueueFull or InvalidSpec.
        """
        if key is None:
            return self._submit(request, None)
        sha256 = hashlib.sha256(b"sweep " + request.model_dump_json().encode()).hexdigest()
        ticket = KeyedRequest(self._owner, key, sha256, makes="sweep_id")
        with self._database.read() as connection:
            submitted_before = idempotency_keys.find(connection, ticket)
        return submitted_before or self._submit(request, ticket)

    def _submit(self, request: SweepRequest, ticket: KeyedRequest | None) -> int:
        plan = plan_sweep(request, self._registry)
        for source in {
            repr(each.plan.spec.dataset): each.plan.spec.dataset for each in plan.candidates
        }.values():
            self._registry.share(source)
        stored = request.model_dump(mode="json")
        with self._database.write() as connection:
            submitted_meanwhile = idempotency_keys.take(connection, ticket) if ticket else None
            if submitted_meanwhile:
                return submitted_meanwhile
            queue.require_room(connection, self._owner, plan.runs, self._max_queued)
            sweep_id = self._store(connection, request.name or request.spec.name, stored, plan)
            if ticket:
                idempotency_keys.assign(connection, ticket, sweep_id)
            return sweep_id

    def _store(self, connection: Connection, name: str, request: dict[str, Any], plan: SweepPlan) -> int:
        sweep_id = sweep_writer.create(
            connection, name=name, owner=self._owner, request=request, repeated=plan.repeated
        )
        add_candidates(connection, sweep_id, plan, owner=self._owner)
        self._notifier.wake(connection, sweep_id, queued_runs=plan.runs)
        return sweep_id


def add_candidates(connection: Connection, sweep_id: int, plan: SweepPlan, *, owner: str) -> None:
    """Store the candidates as experiments. Nobody is woken."""
    ids = queue.submit_all(
        connection,
        [
            new_experiment(
                each.plan,
                owner,
                sweep_id=sweep_id,
                candidate=number,
                swept=each.values,
                until_epoch=plan.first_rung,
            )
            for number, each in enumerate(plan.candidates)
        ],
    )
    plans = [each.plan for each in plan.candidates]
    record_exposures(connection, zip(ids, plans, strict=True), owner=owner)


def cancel(connection: Connection, sweep_id: int, notifier: Notifier) -> None:
    """Cancel what is queued of a sweep, and request that the rest stops. Raises UnknownSweep or SweepOver."""
    found = sweep_reader.sweep(connection, sweep_id)
    state = sweep_reader.state(connection, found)
    if state.is_over:
        raise SweepOver(sweep_id, state.status)
    sweep_writer.mark_cancelled(connection, sweep_id)
    queue.request_cancel(
        connection, *sweep_reader.experiment_ids(connection, sweep_id, statuses=ACTIVE_STATUSES)
    )
    notifier.wake(connection, sweep_id)


def retry(connection: Connection, sweep_id: int, notifier: Notifier) -> None:
    """Queue the failed and cancelled runs of a sweep again. Raises UnknownSweep or NothingToRetryInSweep."""
    found = sweep_reader.sweep(connection, sweep_id)
    queued = queue.retry_all(connection, sweep_reader.experiment_ids(connection, sweep_id))
    if queued == 0:
        raise NothingToRetryInSweep(sweep_id, sweep_reader.state(connection, found).status)
    sweep_writer.mark_retried(connection, sweep_id)
    notifier.wake(connection, sweep_id, queued_runs=queued)


def delete(connection: Connection, sweep_id: int) -> None:
    """Delete a sweep that has ended, with its candidates. Raises UnknownSweep or SweepActive."""
    found = sweep_reader.sweep(connection, sweep_id)
    state = sweep_reader.state(connection, found)
    ids = sweep_reader.experiment_ids(connection, sweep_id)
    if not state.is_over or not sweep_writer.delete_sweep(connection, sweep_id, ids):
        raise SweepActive(sweep_id, state.status)
