"""Chooses the next candidates of sweeps whose strategy learns, in a thread beside an agent.

They are chosen outside of a transaction, which may take a second, and stored in one that first finds that no other
process has done the same.
"""

import logging
from contextlib import AbstractContextManager
from typing import Any

from service.experiments.sweeps import add_candidates, share_datasets
from service.notifiers import Notifier
from service.polling_thread import PollingThread
from service.store import sweep_proposals
from service.store.database import Database
from service.store.spec_facts import selection_metric
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry
from workers.sweeps.candidate import SweepPlan
from workers.sweeps.next_candidates import EarlierCandidate, next_candidates
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import AdaptiveStrategy, CandidateOutcome
from workers.validation.errors import InvalidSpec

log = logging.getLogger("holdout.sweeps")


class SweepProposer:
    """Chooses candidates for the sweeps of one database. `running` runs it in a thread."""

    def __init__(self, database: Database, registry: DatasetRegistry, notifier: Notifier) -> None:
        self._database, self._registry, self._notifier = database, registry, notifier
        self._thread = PollingThread("sweeps", self.propose, log, "no candidates could be chosen")

    def running(self) -> AbstractContextManager[None]:
        """Choose candidates for as long as the context lasts."""
        return self._thread.running()

    def wake(self) -> None:
        """Look at the sweeps at once. Safe from any thread."""
        self._thread.wake()

    def propose(self) -> bool:
        """Choose the next candidates of each sweep that may have some, whatever fails; False if none may."""
        with self._database.read() as connection:
            ready = [
                (sweep, numbers)
                for sweep in sweep_proposals.awaiting(connection)
                if (numbers := _numbers(sweep, sweep_proposals.first_active(connection, sweep.id)))
            ]
        failed = None
        for sweep, numbers in ready:
            try:
                self._propose(sweep, numbers)
            except Exception as error:
                failed = error
        if failed is not None:
            raise failed
        return bool(ready)

    def _propose(self, sweep: Any, numbers: range) -> None:
        request = SweepRequest.model_validate(sweep.request)
        if not isinstance(request.strategy, AdaptiveStrategy):
            raise TypeError(f"sweep {sweep.id} has a strategy that chooses no candidates later")
        earlier = self._earlier(sweep)
        try:
            plan = next_candidates(request, request.strategy, earlier, numbers, self._registry)
            share_datasets(self._registry, plan)
        except (InvalidSpec, DatasetError) as error:
            log.error("sweep %s ends early: no more candidates can be planned: %s", sweep.id, error)
            plan = SweepPlan([], 0)
        with self._database.write() as connection:
            if not sweep_proposals.lock(connection, sweep.id, asked=sweep.asked):
                return
            if plan.candidates:
                add_candidates(connection, sweep.id, plan, owner=sweep.owner, first=sweep.asked)
            sweep_proposals.advance(
                connection,
                sweep.id,
                asked=len(plan.candidates),
                unasked=plan.to_come,
                repeated=plan.repeated,
            )
            self._notifier.wake(connection, sweep.id, queued_runs=plan.runs)

    def _earlier(self, sweep: Any) -> list[EarlierCandidate]:
        with self._database.read() as connection:
            rows = sweep_proposals.candidates(connection, sweep.id, selection_metric(sweep.request["spec"]))
        return [EarlierCandidate(outcome_of(row), row.spec_hash) for row in rows]


def _numbers(sweep: Any, first_active: int | None) -> range:
    """The candidates that may be chosen now: of those before each, all but the last `outstanding` have ended."""
    ended = sweep.asked if first_active is None else first_active
    may = ended + int(sweep.request["strategy"]["outstanding"])
    return range(sweep.asked, min(may, sweep.asked + sweep.unasked))


def outcome_of(row: Any) -> CandidateOutcome:
    """What a strategy is told of a row of `sweep_proposals.candidates`."""
    if row.status in ("queued", "running"):
        return CandidateOutcome(row.candidate, row.drawn, "running")
    if row.status == "succeeded" and row.value is not None:
        return CandidateOutcome(row.candidate, row.drawn, "succeeded", row.value)
    return CandidateOutcome(row.candidate, row.drawn, "failed")
