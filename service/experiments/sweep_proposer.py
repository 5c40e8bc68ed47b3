"""Chooses the next candidates of sweeps whose strategy learns, in a thread beside an agent.

They are chosen outside of a transaction, which may take a second, and stored in one that first finds that no other
process has done the same.
"""

import logging
import time
from collections.abc import Mapping
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

PATIENCE_SECONDS = 5.0
"""How long a sweep waits for an agent that has the package it needs, until its status says so."""


class SweepProposer:
    """Chooses candidates for the sweeps of one database. `running` runs it in a thread."""

    def __init__(self, database: Database, registry: DatasetRegistry, notifier: Notifier) -> None:
        self._database, self._registry, self._notifier = database, registry, notifier
        self._thread = PollingThread("sweeps", self.propose, log, "no candidates could be chosen")
        self._left: dict[tuple[int, int], float] = {}
        """Since when sweeps wait whose candidates cannot be chosen here, by their ids and how many have been."""

    def running(self) -> AbstractContextManager[None]:
        """Choose candidates for as long as the context lasts."""
        return self._thread.running()

    def wake(self) -> None:
        """Look at the sweeps at once. Safe from any thread."""
        self._thread.wake()

    def propose(self) -> bool:
        """Choose the next candidates of each sweep that may have some, whatever fails; False if none may here."""
        with self._database.read() as connection:
            ready = [
                (sweep, numbers)
                for sweep in sweep_proposals.awaiting(connection)
                if (numbers := _numbers(sweep, sweep_proposals.first_active(connection, sweep.id)))
            ]
        failed, chosen = None, False
        waiting = self._left
        self._left = {}
        for sweep, numbers in ready:
            try:
                chosen |= self._propose_or_leave(sweep, numbers, waiting)
            except Exception as error:
                failed = error
        if failed is not None:
            raise failed
        return chosen

    def _propose_or_leave(self, sweep: Any, numbers: range, waiting: Mapping[tuple[int, int], float]) -> bool:
        """Choose candidates of a sweep; False if it is left to agents that have what its strategy needs."""
        request = SweepRequest.model_validate(sweep.request)
        strategy = request.strategy
        if not isinstance(strategy, AdaptiveStrategy):
            raise TypeError(f"sweep {sweep.id} has a strategy that chooses no candidates later")
        missing = strategy.missing
        if missing is None:
            self._propose(sweep, request, strategy, numbers)
            return True
        since = self._left[sweep.id, sweep.asked] = waiting.get((sweep.id, sweep.asked), time.monotonic())
        if time.monotonic() - since >= PATIENCE_SECONDS and sweep.waiting_for != missing:
            log.warning(
                "sweep %s waits for an agent that has %s, which is not installed here", sweep.id, missing
            )
            with self._database.write() as connection:
                sweep_proposals.wait_for(connection, sweep.id, missing, asked=sweep.asked)
        return False

    def _propose(self, sweep: Any, request: SweepRequest, strategy: AdaptiveStrategy, numbers: range) -> None:
        earlier = self._earlier(sweep)
        try:
            plan = next_candidates(request, strategy, earlier, numbers, self._registry)
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
