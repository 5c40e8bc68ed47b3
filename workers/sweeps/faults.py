"""What is wrong with the values of a space: each is tried in the base spec, so that all faults are found at once."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from workers.spec import ExperimentSpec
from workers.sweeps.paths import is_within
from workers.sweeps.ranges import Choices, RangeValue
from workers.sweeps.space import WHOLE_SPEC, Dimension, Space, Values
from workers.validation.errors import FieldError, to_field_errors


def faults_of(space: Space) -> list[FieldError]:
    """Every value that the spec does not accept, by itself: the choices, and the ends of ranges of numbers."""
    return [fault for number in range(len(space.dimensions)) for fault in _of_dimension(space, number)]


def _of_dimension(space: Space, number: int) -> Iterator[FieldError]:
    dimension, context = space.dimensions[number], _context(space, number)
    if context is None:  # every choice that it depends on is a fault of its own
        return
    seen: set[tuple[str, str]] = set()
    for choice in dimension.range.extremes():
        for fault in _of_choice(space, dimension, context, choice):
            if (fault.path, fault.message) not in seen:
                seen.add((fault.path, fault.message))
                yield fault


def _of_choice(space: Space, dimension: Dimension, context: Values, choice: RangeValue) -> list[FieldError]:
    place = dimension.place if choice.option is None else f"{dimension.place}[{choice.option}]"
    try:
        spec = space.spec(context | dimension.values(choice))
        ExperimentSpec.model_validate(spec)
    except ValidationError as error:
        found = to_field_errors(error, ExperimentSpec)
        return [FieldError(_place(place, dimension, each.path), each.value, each.message) for each in found]
    except ValueError as error:
        return [FieldError(place, dimension.path, str(error))]
    return []


def _place(place: str, dimension: Dimension, path: str) -> str:
    """Where the request gives the value at a path of the spec."""
    if dimension.path == WHOLE_SPEC:
        return f"{place}.{path}" if path else place
    return place + path.removeprefix(dimension.path) if is_within(path, dimension.path) else place


def _context(space: Space, number: int) -> Values | None:
    """Valid values of other dimensions under which one applies, if possible; None if no values are valid."""
    dimension = space.dimensions[number]
    if dimension.under is not None:
        parent, option = dimension.under
        outer, above = _context(space, parent), space.dimensions[parent]
        chosen: Any = above.range.grid()
        return None if outer is None else outer | above.values(chosen[option])
    if not space.depends(number):
        return {}
    valid = [each for each in _choices_before(space, number) if _is_valid(space, each)]
    applying = (each for each in valid if space.applies(number, {}, each))
    return next(applying, valid[0] if valid else None)


def _choices_before(space: Space, number: int) -> Iterator[Values]:
    """Each choice of each dimension that the given one may depend on."""
    mine = space.dimensions[number]
    for each in space.dimensions:
        if isinstance(each.range, Choices) and (
            is_within(mine.path, each.path) or each.path == WHOLE_SPEC != mine.path
        ):
            for choice in each.range.grid():
                yield each.values(choice)


def _is_valid(space: Space, values: Values) -> bool:
    try:
        ExperimentSpec.model_validate(space.spec(values))
    except ValueError:
        return False
    return True
