"""The space of a sweep: ranges over fields of a base spec, some of which only exist under a choice of another one.

A field of a variant (`loss.gamma`) applies only to candidates whose variant has it. It may be given as a path of its
own, or within the choice: `"loss": ["cross_entropy", {"name": "focal", "gamma": {"uniform": [0, 5]}}]`. The path
`spec` chooses among sets of fields: `"spec": [{"balancing": "oversample"}, {"loss": "balanced_softmax"}]`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from workers.spec import ExperimentSpec
from workers.sweeps.paths import depth, is_within, steps, with_value
from workers.sweeps.ranges import Choices, Range, RangeValue
from workers.validation.locations import resolve_location

Values = dict[str, Any]
"""What a candidate changes in the base spec: the value of each field, by its path, in the order of changes."""
Choose = Callable[[int, "Dimension"], RangeValue]
"""Chooses a value for a dimension, given its place in the space."""

WHOLE_SPEC = "spec"
UNKNOWN_FIELD = ("extra_forbidden", "unexpected_keyword_argument")


@dataclass(frozen=True, eq=False)
class Dimension:
    """The range of one field. place: where the request gives it. under: it applies only if the dimension with this
    number has chosen this option.
    """

    path: str
    place: str
    range: Range
    under: tuple[int, int] | None = None

    def values(self, choice: RangeValue) -> Values:
        """What a choice changes."""
        if self.path == WHOLE_SPEC:
            return dict(choice.value)
        value = choice.value
        return {self.path: value["name"] if isinstance(value, Mapping) and set(value) == {"name"} else value}


@dataclass(frozen=True, eq=False)
class Space:
    """The dimensions, each after those on which it depends, and the base spec that they change."""

    base: ExperimentSpec
    dimensions: Sequence[Dimension]
    _applies: dict[tuple[int, str], bool] = field(default_factory=dict)

    @cached_property
    def resolved_base(self) -> dict[str, Any]:
        """The base spec as JSON, with every default."""
        return self.base.model_dump(mode="json")

    def spec(self, values: Mapping[str, Any]) -> Any:
        """The spec of a candidate as JSON, not yet validated. Raises NoSuchPlace."""
        spec: Any = self.resolved_base
        for path, value in values.items():
            spec = with_value(spec, steps(path), value)
        return spec

    def walk(self, choose: Choose) -> Values:
        """The values of one candidate. `choose` is asked for each dimension that applies, in order."""
        chosen: dict[int, int | None] = {}
        values: Values = {}
        for number, dimension in enumerate(self.dimensions):
            if self.applies(number, chosen, values):
                choice = choose(number, dimension)
                chosen[number] = choice.option
                values |= dimension.values(choice)
        return values

    def at(self, point: Sequence[float]) -> Values:
        """The values at a point of the unit cube, which has a coordinate for each dimension."""
        return self.walk(lambda number, dimension: dimension.range.at(point[number]))

    def grid(self) -> Iterator[Values]:
        """The values of every candidate on the grid. Each range needs one."""
        yield from self._grid(0, {}, {})

    def _grid(self, number: int, chosen: dict[int, int | None], values: Values) -> Iterator[Values]:
        if number == len(self.dimensions):
            yield values
            return
        if not self.applies(number, chosen, values):
            yield from self._grid(number + 1, chosen, values)
            return
        dimension = self.dimensions[number]
        for choice in dimension.range.grid() or ():
            more = values | dimension.values(choice)
            yield from self._grid(number + 1, chosen | {number: choice.option}, more)

    def applies(self, number: int, chosen: Mapping[int, int | None], values: Values) -> bool:
        """Whether a dimension applies after these choices of earlier ones."""
        dimension = self.dimensions[number]
        if dimension.under is not None:
            parent, option = dimension.under
            return chosen.get(parent) == option
        return not self.depends(number) or self._has_field(number, values)

    def depends(self, number: int) -> bool:
        """Whether the field exists only under some choices of other dimensions."""
        mine = self.dimensions[number]
        return mine.under is None and any(
            isinstance(each.range, Choices)
            and (is_within(mine.path, each.path) or (each.path == WHOLE_SPEC != mine.path))
            for each in self.dimensions
        )

    def _has_field(self, number: int, values: Values) -> bool:
        """Whether the spec with these values has the field of a dimension: the variant that it chose decides."""
        dimension = self.dimensions[number]
        top = steps(dimension.path)[0]
        spec = self.spec(values)
        key = (number, json.dumps(spec.get(top), sort_keys=True))
        if key not in self._applies:
            self._applies[key] = not _is_unknown(spec.get(top), dimension)
        return self._applies[key]


def _is_unknown(around: Any, dimension: Dimension) -> bool:
    """Whether what the top-level field holds has no such field. around: the value of that top-level field."""
    path = steps(dimension.path)
    value = dimension.range.extremes()[0].value
    try:
        changed = with_value({path[0]: around}, path, value)
        ExperimentSpec.model_validate(changed)
    except ValidationError as error:
        unknown = (each for each in error.errors(include_url=False) if each["type"] in UNKNOWN_FIELD)
        paths = [resolve_location(ExperimentSpec, each["loc"])[0] for each in unknown]
        return any(each == dimension.path or is_within(dimension.path, each) for each in paths)
    except ValueError:
        return True
    return False


def dependence_order(dimensions: Mapping[str, Range]) -> list[tuple[str, Range]]:
    """The given ranges by path: the choice of a variant before the ranges of its fields."""
    return sorted(dimensions.items(), key=lambda each: (each[0] != WHOLE_SPEC, depth(each[0])))
