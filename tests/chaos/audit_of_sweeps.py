"""The audit of sweeps: each candidate is there once, rightly chosen, and has trained as far as it should."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from sqlalchemy import Row, select

from service.experiments.sweep_proposer import outcome_of
from service.store import sweep_proposals
from service.store.spec_facts import selection_metric
from service.store.tables import Experiment, Sweep
from tests.chaos.clients import SubmittedSweep
from tests.harness import STORED, Figures, Harness
from workers.sweeps.next_candidates import EarlierCandidate, first_candidates, next_candidates
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import AdaptiveStrategy, HalvingStrategy


class SweepAudit:
    """Checks the sweeps of a database, once all work is finished. `check` raises AssertionError."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness

    def check(self, submitted: SubmittedSweep) -> int:
        """Check a sweep that was acknowledged. Returns how many candidates it has."""
        with self.harness.database.read() as connection:
            sweep = connection.execute(select(Sweep).where(Sweep.id == submitted.id)).one_or_none()
            mine = (
                select(Experiment).where(Experiment.sweep_id == submitted.id).order_by(Experiment.candidate)
            )
            candidates = connection.execute(mine).all()
        assert sweep is not None, f"{submitted} is lost"
        assert sweep.name == submitted.name
        wanted = submitted.request["candidates"]
        assert [each.candidate for each in candidates] == list(range(wanted)), sweep
        assert (sweep.asked, sweep.unasked, len({each.spec_hash for each in candidates})) == (
            wanted,
            0,
            wanted,
        )
        request = SweepRequest.model_validate(sweep.request)
        if isinstance(request.strategy, AdaptiveStrategy):
            self._check_choices(sweep, request, request.strategy, candidates)
        ends = self._ends(request, candidates)
        for candidate in candidates:
            self._check_candidate(candidate, ends[candidate.candidate], request.spec.training.epochs)
        return len(candidates)

    def _check_choices(
        self, sweep: Row[Any], request: SweepRequest, strategy: AdaptiveStrategy, candidates: Sequence[Any]
    ) -> None:
        """The strategy, asked again with what the earlier candidates have shown, chooses the same ones."""
        with self.harness.database.read() as connection:
            rows = sweep_proposals.candidates(connection, sweep.id, selection_metric(sweep.request["spec"]))
        earlier = [EarlierCandidate(outcome_of(row), row.spec_hash) for row in rows]
        registry = self.harness.registry
        chosen = list(first_candidates(request, strategy, registry).candidates)
        for number in range(len(chosen), len(candidates)):
            following = range(number, number + 1)
            chosen += next_candidates(request, strategy, earlier[:number], following, registry).candidates
        assert [each.values for each in chosen] == [each.swept for each in candidates], sweep

    def _ends(self, request: SweepRequest, candidates: Sequence[Any]) -> dict[int, int]:
        """After how many epochs each candidate should have ended, by undisturbed trainings of them all."""
        epochs = request.spec.training.epochs
        ends = {each.candidate: epochs for each in candidates}
        if not isinstance(request.strategy, HalvingStrategy):
            return ends
        going_on = list(candidates)
        for rung in request.strategy.rungs(epochs, len(candidates)):
            ranked = sorted(going_on, key=lambda each: (-self._best(each, rung), each.candidate))
            going_on = ranked[: max(1, len(ranked) // request.strategy.eta)]
            ends |= {each.candidate: rung for each in ranked if each not in going_on}
        return ends

    def _best(self, candidate: Any, rung: int) -> float:
        """The mean over the seeds of the best balanced accuracy on validation rows up to an epoch."""
        column = 2 + STORED.index("balanced_accuracy")
        return fmean(
            max(
                row[column]
                for row in self._metrics(candidate, seed)
                if row[0] <= rung and row[1] == "validation"
            )
            for seed in candidate.spec["seeds"]
        )

    def _metrics(self, candidate: Any, seed: int) -> Figures:
        figures = self.harness.undisturbed(candidate.spec, seed=seed)
        return figures[: len(figures) // 2]

    def _check_candidate(self, candidate: Any, end: int, epochs: int) -> None:
        assert candidate.status == ("succeeded" if end == epochs else "cancelled"), candidate
        runs = self.harness.runs(candidate.id)
        assert [run.seed for run in runs] == candidate.spec["seeds"]
        for run in runs:
            assert (run.status, run.epoch) == (candidate.status, end), run
            expected = [
                row for row in self.harness.undisturbed(candidate.spec, seed=run.seed) if row[0] <= end
            ]
            assert self.harness.figures(run) == expected, f"run {run.id} of {candidate.name} differs"
