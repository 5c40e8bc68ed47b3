"""The candidates of a sweep: their values, their specs and their plans, each spec once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from workers.data.planning_data import PlanningData, SharedPlanningData
from workers.plan import Plan, make_plan
from workers.spec import ExperimentSpec
from workers.sweeps.faults import faults_of
from workers.sweeps.parsing import SpaceReader
from workers.sweeps.paths import steps
from workers.sweeps.ranges import value_text
from workers.sweeps.ranking import why_not_ranked
from workers.sweeps.request import SweepRequest
from workers.sweeps.space import Space, Values
from workers.validation.errors import FieldError, InvalidSpec, to_field_errors

LONGEST_NAME = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, eq=False)
class Candidate:
    """One candidate: what it changes in the base spec, and the plan of its experiment."""

    values: Values
    plan: Plan


@dataclass(frozen=True, eq=False)
class SweepPlan:
    """What a sweep will train. repeated: how many candidates were left out, as another resolves to the same spec.

    first_rung: the epoch at which the candidates are held; None if all train to their end.
    """

    candidates: Sequence[Candidate]
    repeated: int
    first_rung: int | None = None

    @property
    def runs(self) -> int:
        return sum(each.plan.runs for each in self.candidates)


def plan_sweep(request: SweepRequest, data: PlanningData) -> SweepPlan:
    """Choose the candidates, and plan each. Raises InvalidSpec with everything that is wrong."""
    reader = SpaceReader(request.spec, request.ranges)
    space = reader.space
    faults = [*reader.faults, *faults_of(space)]
    faults += request.strategy.faults(space, request.candidates)
    if faults:
        raise InvalidSpec(faults)
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
            plan = make_plan(_spec(space, values, name), shared)
        except InvalidSpec as error:
            for each in error.field_errors:
                faults.setdefault((each.path, each.message), []).append((values, each))
        else:
            found.setdefault(plan.spec_hash, Candidate(values, plan))
    if faults:
        raise InvalidSpec(_of_candidates(faults, count))
    rungs = request.strategy.rungs(request.spec.training.epochs, len(found))
    if rungs:
        _require_one_metric(request, list(found.values()))
    return SweepPlan(list(found.values()), count - len(found), rungs[0] if rungs else None)


def _require_one_metric(request: SweepRequest, candidates: Sequence[Candidate]) -> None:
    """Raise InvalidSpec if the metric that decides who goes on is not the same for all candidates."""
    specs = [each.plan.spec for each in candidates]
    metric, losses = request.spec.selection_metric, [asdict(each.loss) for each in specs]
    why = why_not_ranked(metric, losses, regression=specs[0].task == "regression")
    if why:
        raise InvalidSpec([FieldError("strategy", request.strategy.name, f"compares by {metric}, but {why}")])


def _spec(space: Space, values: Values, name: str) -> ExperimentSpec:
    given = {**space.spec(values), "name": candidate_name(name, values)}
    try:
        return ExperimentSpec.model_validate(given)
    except ValidationError as error:
        raise InvalidSpec(to_field_errors(error, ExperimentSpec)) from None


def candidate_name(name: str, values: Mapping[str, Any]) -> str:
    """What the experiment of a candidate is called: the sweep's name, and what is special about it."""
    full = f"{name}: {label(values)}" if name else label(values)
    return full if len(full) <= LONGEST_NAME else f"{full[: LONGEST_NAME - 3]}..."


def label(values: Mapping[str, Any]) -> str:
    """The values in words: `learning_rate 0.01, loss focal`."""
    words = (f"{steps(path)[-1]} {value_text(value)}" for path, value in values.items())
    return CONTROL.sub(" ", ", ".join(words)) or "the base spec"


def _of_candidates(
    faults: Mapping[tuple[str, str], Sequence[tuple[Values, FieldError]]], count: int
) -> list[FieldError]:
    """Each fault once, with the candidates that have it."""
    errors = []
    for (path, message), found in faults.items():
        (values, first), *others = found
        which = "all candidates" if len(found) == count else f"candidate with {label(values)}"
        more = f", and {len(others):,} more" if others and len(found) < count else ""
        errors.append(FieldError(f"spec.{path}", first.value, f"{message} ({which}{more})"))
    return errors
