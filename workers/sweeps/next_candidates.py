"""The next candidates of a sweep whose strategy learns: each resolves to a spec that no earlier one has."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.data.planning_data import PlanningData, SharedPlanningData
from workers.evaluation.metrics import BY_NAME
from workers.plan import make_plan
from workers.sweeps.candidate import Candidate, SweepPlan, faults_of_candidates, spec_of
from workers.sweeps.parsing import SpaceReader
from workers.sweeps.request import SweepRequest
from workers.sweeps.strategies import DEFAULT_CANDIDATES, AdaptiveStrategy, CandidateOutcome
from workers.validation.errors import InvalidSpec

MOST_DRAWS = 50
"""How often a candidate is drawn until it is a new one; after that, the space is taken to have no other."""


@dataclass(frozen=True)
class EarlierCandidate:
    """A candidate that was chosen before."""

    told: CandidateOutcome
    spec_hash: str


def first_candidates(request: SweepRequest, strategy: AdaptiveStrategy, data: PlanningData) -> SweepPlan:
    """The candidates to begin with. Raises InvalidSpec if one of them is not valid."""
    total = request.candidates or DEFAULT_CANDIDATES
    chooser = _Chooser(request, strategy, [], data, strict=True)
    chosen = chooser.choose(range(min(strategy.outstanding, total)))
    to_come = 0 if chooser.is_exhausted else total - len(chosen)
    return SweepPlan(chosen, chooser.repeated, to_come=to_come)


def next_candidates(
    request: SweepRequest,
    strategy: AdaptiveStrategy,
    earlier: Sequence[EarlierCandidate],
    numbers: range,
    data: PlanningData,
) -> SweepPlan:
    """The candidates with these numbers, and how many are to come after them. What is not valid is drawn again."""
    chooser = _Chooser(request, strategy, earlier, data, strict=False)
    chosen = chooser.choose(numbers)
    left = (request.candidates or DEFAULT_CANDIDATES) - (numbers.start + len(chosen))
    return SweepPlan(chosen, chooser.repeated, to_come=0 if chooser.is_exhausted else left)


class _Chooser:
    """Chooses one candidate after the other. strict: raise InvalidSpec for one that is not valid."""

    def __init__(
        self,
        request: SweepRequest,
        strategy: AdaptiveStrategy,
        earlier: Sequence[EarlierCandidate],
        data: PlanningData,
        *,
        strict: bool,
    ) -> None:
        self._request, self._strategy, self._strict = request, strategy, strict
        self._space = SpaceReader(request.spec, request.ranges).space
        self._earlier, self._data = list(earlier), SharedPlanningData(data)
        self._maximize = BY_NAME[request.spec.selection_metric].direction == "max"
        self.repeated, self.is_exhausted = 0, False

    def choose(self, numbers: range) -> list[Candidate]:
        """The candidates with these numbers; fewer if the space has no other."""
        found: list[Candidate] = []
        for number in numbers:
            candidate = self._draw(number)
            if candidate is None:
                self.is_exhausted = True
                break
            found.append(candidate)
            told = CandidateOutcome(number, candidate.remembered or {}, "running")
            self._earlier.append(EarlierCandidate(told, candidate.plan.spec_hash))
        return found

    def _draw(self, number: int) -> Candidate | None:
        told = self._strategy.told([each.told for each in self._earlier], number)
        values = {each.spec_hash: of.value for each, of in zip(self._earlier, told, strict=True)}
        asking = self._strategy.asking(self._space, told, number, maximize=self._maximize)
        name = self._request.name or self._request.spec.name
        for _ in range(MOST_DRAWS):
            drawn = asking.ask()
            try:
                plan = make_plan(spec_of(self._space, drawn.values, name), self._data)
            except InvalidSpec as error:
                if self._strict:
                    faults = {
                        (each.path, each.message): [(drawn.values, each)] for each in error.field_errors
                    }
                    raise InvalidSpec(faults_of_candidates(faults, count=2)) from None
                asking.refuse(None)
                continue
            if plan.spec_hash not in values:
                return Candidate(drawn.values, plan, drawn.remembered)
            self.repeated += 1
            asking.refuse(values[plan.spec_hash])
        return None
