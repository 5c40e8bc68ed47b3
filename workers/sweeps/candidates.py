"""The candidates of a sweep that are chosen before any is trained, each spec once."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from workers.data.planning_data import PlanningData, SharedPlanningData
from workers.plan import make_plan
from workers.sweeps.candidate import Candidate, SweepPlan, faults_of_candidates, spec_of
from workers.sweeps.faults import faults_of
from workers.sweeps.next_candidates import first_candidates
from workers.sweeps.parsing import SpaceReader
from workers.sweeps.ranking import why_not_ranked
from workers.sweeps.request import SweepRequest
from workers.sweeps.space import Space, Values
from workers.sweeps.strategies import AdaptiveStrategy
from workers.validation.errors import FieldError, InvalidSpec


def plan_sweep(request: SweepRequest, data: PlanningData) -> SweepPlan:
    """Choose the candidates, and plan each. Raises InvalidSpec with everything that is wrong."""
    reader = SpaceReader(request.spec, request.ranges)
    space = reader.space
    faults = [*reader.faults, *faults_of(space)]
    faults += request.strategy.faults(space, request.candidates)
    if faults:
        raise InvalidSpec(faults)
    if isinstance(request.strategy, AdaptiveStrategy):
        plan = first_candidates(request, request.strategy, data)
        _require_one_metric(request, plan.candidates)
        return plan
    proposed = request.strategy.propose(space, request.candidates)
    return planned(request, space, proposed, data)


def planned(request: SweepRequest, space: Space, proposed: Iterable[Values], data: PlanningData) -> SweepPlan:
    """Plan candidates with these values; those that resolve to the same spec once. Raises InvalidSpec."""
    name, shared = request.name or request.spec.name, SharedPlanningData(data)
    found: dict[str, Candidate] = {}
    faults: dict[tuple[str, str], list[tuple[Values, FieldError]]] = {}
    count = 0
    for values in proposed:
        count += 1
        try:
            plan = make_plan(spec_of(space, values, name), shared)
        except InvalidSpec as error:
            for each in error.field_errors:
                faults.setdefault((each.path, each.message), []).append((values, each))
        else:
            found.setdefault(plan.spec_hash, Candidate(values, plan))
    if faults:
        raise InvalidSpec(faults_of_candidates(faults, count))
    brackets = request.strategy.brackets(request.spec.training.epochs, len(found))
    first_rungs = {number: each.rungs[0] for each in brackets if each.rungs for number in each.numbers}
    if first_rungs:
        _require_one_metric(request, list(found.values()))
    return SweepPlan(list(found.values()), count - len(found), first_rungs)


def _require_one_metric(request: SweepRequest, candidates: Sequence[Candidate]) -> None:
    """Raise InvalidSpec if the metric that decides who goes on is not the same for all candidates."""
    specs = [each.plan.spec for each in candidates]
    metric, losses = (
        request.of_task(specs[0].task).spec.selection_metric,
        [asdict(each.loss) for each in specs],
    )
    why = why_not_ranked(metric, losses, regression=specs[0].task == "regression")
    if why:
        raise InvalidSpec([FieldError("strategy", request.strategy.name, f"compares by {metric}, but {why}")])
