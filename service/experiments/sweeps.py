"""The life of a sweep: submit it with all its candidates in one transaction, cancel, retry and delete it as one."""

import hashlib

from sqlalchemy import Connection

from service.experiments.submission import new_experiment, record_exposures, submit_once
from service.notifiers import Notifier
from service.store import queue, sweep_reader, sweep_writer
from service.store.database import Database
from service.store.errors import NothingToRetryInSweep, SweepActive, SweepOver
from service.store.idempotency_keys import KeyedRequest
from service.store.tables import ACTIVE_STATUSES
from workers.data.registry import DatasetRegistry
from workers.sweeps.candidate import SweepPlan
from workers.sweeps.candidates import plan_sweep
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
        sha256 = hashlib.sha256(b"sweep " + request.model_dump_json().encode()).hexdigest()
        ticket = None if key is None else KeyedRequest(self._owner, key, sha256, makes="sweep_id")
        return submit_once(
            self._database,
            ticket,
            lambda: self._plan(request),
            lambda connection, plan: self._store(connection, request, plan),
        )

    def _plan(self, request: SweepRequest) -> SweepPlan:
        plan = plan_sweep(request, self._registry)
        share_datasets(self._registry, plan)
        return plan

    def _store(self, connection: Connection, request: SweepRequest, plan: SweepPlan) -> int:
        queue.require_room(connection, self._owner, plan.runs, self._max_queued)
        sweep_id = sweep_writer.create(
            connection,
            name=request.name or request.spec.name,
            owner=self._owner,
            request=request.of_task(plan.task).model_dump(mode="json"),
            repeated=plan.repeated,
            max_seconds=request.max_seconds,
            asked=len(plan.candidates),
            unasked=plan.to_come,
        )
        add_candidates(connection, sweep_id, plan, owner=self._owner)
        self._notifier.wake(connection, sweep_id, queued_runs=plan.runs)
        return sweep_id


def share_datasets(registry: DatasetRegistry, plan: SweepPlan) -> None:
    """Let other machines train on the data sets of the candidates."""
    sources = {repr(each.plan.spec.dataset): each.plan.spec.dataset for each in plan.candidates}
    for source in sources.values():
        registry.share(source)


def add_candidates(
    connection: Connection, sweep_id: int, plan: SweepPlan, *, owner: str, first: int = 0
) -> None:
    """Store the candidates as experiments, with numbers from `first` on. Nobody is woken."""
    ids = queue.submit_all(
        connection,
        [
            new_experiment(
                each.plan,
                owner,
                sweep_id=sweep_id,
                candidate=number,
                swept=each.values,
                until_epoch=plan.first_rungs.get(number),
                drawn=each.remembered,
            )
            for number, each in enumerate(plan.candidates, first)
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
    sweep_writer.mark_retried(
        connection, sweep_id
    )  # before the runs are locked, as by an agent that stops it
    queued = queue.retry_all(connection, sweep_reader.experiment_ids(connection, sweep_id))
    if queued == 0 and found.unasked == 0:
        raise NothingToRetryInSweep(sweep_id, sweep_reader.state(connection, found).status)
    notifier.wake(connection, sweep_id, queued_runs=queued)


def delete(connection: Connection, sweep_id: int) -> None:
    """Delete a sweep that has ended, with its candidates. Raises UnknownSweep or SweepActive."""
    found = sweep_reader.sweep(connection, sweep_id)
    state = sweep_reader.state(connection, found)
    ids = sweep_reader.experiment_ids(connection, sweep_id)
    if not state.is_over or not sweep_writer.delete_sweep(connection, sweep_id, ids):
        raise SweepActive(sweep_id, state.status)
