"""Reads the ranges of a request as a space: choices with ranges within them become dimensions of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from workers.spec import ExperimentSpec
from workers.sweeps.ranges import AnyRange, Choices, Range, kind_of
from workers.sweeps.space import WHOLE_SPEC, Dimension, Space, dependence_order
from workers.validation.errors import FieldError, field_error_at, merge_by_path

RANGE: TypeAdapter[Range] = TypeAdapter(AnyRange)
Nested = tuple[str, str, Any]
"""A range within a choice: the path of its field, its place in the request, and the range as JSON."""


class SpaceReader:
    """Reads one space, and collects what is wrong with it."""

    def __init__(self, base: ExperimentSpec, given: Mapping[str, Range]) -> None:
        self.faults: list[FieldError] = []
        self._dimensions: list[Dimension] = []
        for path, each in dependence_order(given):
            self._add(path, f"space.{path}", each, None)
        self._refuse_repeated(given)
        self.space = Space(base, self._dimensions)

    def _add(self, path: str, place: str, given: Range, under: tuple[int, int] | None) -> None:
        number = len(self._dimensions)
        if not isinstance(given, Choices):
            self._dimensions.append(Dimension(path, place, given, under))
            return
        options = [self._option(path, f"{place}[{i}]", each) for i, each in enumerate(given.choices)]
        literals = Choices(choices=tuple(literal for literal, _ in options))
        self._dimensions.append(Dimension(path, place, literals, under))
        for option, (_, nested) in enumerate(options):
            for inner_path, inner_place, inner in nested:
                if (found := self._range(inner_place, inner)) is not None:
                    self._add(inner_path, inner_place, found, (number, option))

    def _option(self, path: str, place: str, given: Any) -> tuple[Any, list[Nested]]:
        """A choice without the ranges in it, and these."""
        if path == WHOLE_SPEC and not isinstance(given, Mapping):
            self.faults.append(FieldError(place, given, "should be an object of fields of the spec"))
            return {}, []
        nested = list(_nested("" if path == WHOLE_SPEC else f"{path}.", f"{place}.", given))
        return (_literal(given), nested) if nested else (given, [])

    def _range(self, place: str, given: Any) -> Range | None:
        try:
            return RANGE.validate_python(given)
        except ValidationError as error:
            details = error.errors(include_url=False)
            self.faults += merge_by_path(field_error_at(_below(place, each["loc"]), each) for each in details)
            return None

    def _refuse_repeated(self, given: Mapping[str, Range]) -> None:
        for each in self._dimensions:
            if each.under is not None and each.path in given:
                message = f"{each.path} has a range of its own in the space; give it in one place"
                self.faults.append(FieldError(each.place, None, message))


def _nested(path: str, place: str, given: Any) -> Iterator[Nested]:
    """The ranges among the fields of an object."""
    if not isinstance(given, Mapping):
        return
    for name, value in given.items():
        if isinstance(value, Mapping) and kind_of(value) is not None:
            yield f"{path}{name}", f"{place}{name}", value
        else:
            yield from _nested(f"{path}{name}.", f"{place}{name}.", value)


def _literal(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    return {
        name: _literal(value)
        for name, value in given.items()
        if not (isinstance(value, Mapping) and kind_of(value) is not None)
    }


def _below(place: str, location: tuple[str | int, ...]) -> str:
    """The place of an error in a range; its location begins with the kind of range."""
    inner = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location[1:])
    return f"{place}{inner}"
