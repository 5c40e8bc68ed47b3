"""One candidate of a sweep: its values, its spec, its plan and what it is called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from workers.nn.losses import Task as TaskName
from workers.plan import Plan
from workers.spec import ExperimentSpec
from workers.sweeps.paths import steps
from workers.sweeps.ranges import value_text
from workers.sweeps.space import Space, Values
from workers.validation.errors import FieldError, InvalidSpec, to_field_errors

LONGEST_NAME = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, eq=False)
class Candidate:
    """One candidate: what it changes in the base spec, and the plan of its experiment.

    remembered: what a strategy that learns needs to know of it later, as JSON.
    """

    values: Values
    plan: Plan
    remembered: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class SweepPlan:
    """What a sweep will train. repeated: how many candidates were left out, as another resolves to the same spec.

    first_rungs: the epochs at which candidates are held, by number; the others train to their end. to_come: how many
    candidates the strategy chooses later, by the results of these.
    """

    candidates: Sequence[Candidate]
    repeated: int
    first_rungs: Mapping[int, int] = field(default_factory=dict)
    to_come: int = 0

    @property
    def task(self) -> TaskName | None:
        """The task of all candidates; None if they differ."""
        tasks = {each.plan.spec.task for each in self.candidates}
        return tasks.pop() if len(tasks) == 1 else None

    @property
    def runs(self) -> int:
        return sum(each.plan.runs for each in self.candidates)


def spec_of(space: Space, values: Values, name: str) -> ExperimentSpec:
    """The spec of the candidate with these values, of a sweep with this name. Raises InvalidSpec."""
    given = {**_base_with(space, values), "name": candidate_name(name, values)}
    try:
        return ExperimentSpec.model_validate(given)
    except ValidationError as error:
        raise InvalidSpec(to_field_errors(error, ExperimentSpec)) from None


def _base_with(space: Space, values: Values) -> dict[str, Any]:
    """The spec of a candidate, not yet validated. What it does not change is the base spec's own, validated once.

    What neither names is left out: the default loss is that of the task, which the data set tells.
    """
    spec: dict[str, Any] = space.spec(values)
    changed, named = {steps(path)[0] for path in values}, space.base.model_fields_set
    return {
        field: value if field in changed else getattr(space.base, field)
        for field, value in spec.items()
        if field in changed or field in named
    }


def candidate_name(name: str, values: Mapping[str, Any]) -> str:
    """What the experiment of a candidate is called: the sweep's name, and what is special about it."""
    full = f"{name}: {label(values)}" if name else label(values)
    return full if len(full) <= LONGEST_NAME else f"{full[: LONGEST_NAME - 3]}..."


def label(values: Mapping[str, Any]) -> str:
    """The values in words: `learning_rate 0.01, loss focal`."""
    words = (f"{steps(path)[-1]} {value_text(value)}" for path, value in values.items())
    return CONTROL.sub(" ", ", ".join(words)) or "the base spec"


def faults_of_candidates(
    faults: Mapping[tuple[str, str], Sequence[tuple[Values, FieldError]]], count: int
) -> list[FieldError]:
    """Each fault once, with the candidates that have it. count: of all candidates."""
    errors = []
    for (path, message), found in faults.items():
        (values, first), *others = found
        which = "all candidates" if len(found) == count else f"candidate with {label(values)}"
        more = f", and {len(others):,} more" if others and len(found) < count else ""
        errors.append(FieldError(f"spec.{path}", first.value, f"{message} ({which}{more})"))
    return errors
