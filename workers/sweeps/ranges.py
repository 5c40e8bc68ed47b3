"""Ranges: the values that a field of a spec takes in a sweep. Each says how a number from 0 to 1 chooses a value.

A list is short for `{"choices": [...]}`. All other ranges are objects, told apart by their first word.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from workers.tagged_union import DiscriminatedBy, Flag, Number, variant

MOST_CHOICES = 256
SIGNIFICANT_DIGITS = 6
"""Of drawn numbers: more would only make them harder to read."""

Bounds = Annotated[tuple[Number, ...], Field(min_length=2, max_length=2)]
Whole = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
WholeBounds = Annotated[tuple[Whole, ...], Field(min_length=2, max_length=2)]
Levels = Annotated[int, Field(strict=True, ge=2, le=MOST_CHOICES)]


@dataclass(frozen=True)
class RangeValue:
    """One value of a range. option: its place among the choices; None in a range of numbers."""

    value: Any
    option: int | None = None


class Range(ABC):
    """The values of one field."""

    @abstractmethod
    def at(self, share: float) -> RangeValue:
        """The value at a share of the range, 0 <= share < 1: equal shares are equally likely."""

    @abstractmethod
    def grid(self) -> Sequence[RangeValue] | None:
        """The values on a grid; None if it would have no end."""

    @abstractmethod
    def extremes(self) -> Sequence[RangeValue]:
        """Values that show whether all are valid: all choices, or the two ends."""


@variant
class Choices(Range):
    """One of these values, each as likely.

    A value that is an object may have ranges as its fields: `{"name": "focal", "gamma": {"uniform": [0, 5]}}`.
    """

    choices: Annotated[tuple[Any, ...], Field(min_length=1, max_length=MOST_CHOICES)]

    def at(self, share: float) -> RangeValue:
        option = min(int(share * len(self.choices)), len(self.choices) - 1)
        return RangeValue(self.choices[option], option)

    def grid(self) -> Sequence[RangeValue]:
        return [RangeValue(value, option) for option, value in enumerate(self.choices)]

    def extremes(self) -> Sequence[RangeValue]:
        return self.grid()


class NumberRange(Range):
    """Numbers between two ends. levels: how many of them a grid has."""

    levels: int | None

    @property
    @abstractmethod
    def ends(self) -> tuple[Any, ...]:
        """The smallest and the largest number."""

    @abstractmethod
    def between(self, share: float) -> float:
        """The number at a share of the range, 0 <= share <= 1."""

    def __post_init__(self) -> None:
        low, high = self.ends
        if not low < high:
            raise ValueError(f"the first number should be smaller than the second: {low:g} and {high:g}")

    def at(self, share: float) -> RangeValue:
        return self.near(self.between(share))

    def near(self, number: float) -> RangeValue:
        """A number of the range, with the digits that people read."""
        low, high = self.ends
        return RangeValue(min(max(_readable(number), low), high))

    def grid(self) -> Sequence[RangeValue] | None:
        if self.levels is None:
            return None
        values = [self.at(i / (self.levels - 1)).value for i in range(self.levels)]
        return [RangeValue(value) for value in dict.fromkeys(values)]

    def extremes(self) -> Sequence[RangeValue]:
        return [RangeValue(end) for end in self.ends]


@variant
class Uniform(NumberRange):
    """Any number between two, each as likely."""

    uniform: Bounds
    levels: Levels | None = None

    @property
    def ends(self) -> tuple[float, ...]:
        return self.uniform

    def between(self, share: float) -> float:
        low, high = self.uniform
        return low + share * (high - low)


@variant
class LogUniform(NumberRange):
    """Any number between two above 0, each as likely on a logarithmic scale."""

    log: Bounds
    levels: Levels | None = None

    def __post_init__(self) -> None:
        if self.log[0] <= 0:
            raise ValueError(f"both numbers should be greater than 0 on a logarithmic scale: {self.log[0]:g}")
        super().__post_init__()

    @property
    def ends(self) -> tuple[float, ...]:
        return self.log

    def between(self, share: float) -> float:
        low, high = map(math.log, self.log)
        return math.exp(low + share * (high - low))


@variant
class Integers(Range):
    """A whole number from one to another, both included, each as likely; with `log`, on a logarithmic scale.

    step: only every so manieth number from the first on. levels: how many of them a grid has; by default all.
    """

    integers: WholeBounds
    step: Annotated[int, Field(strict=True, ge=1, le=2**53)] = 1
    log: Flag = False
    levels: Levels | None = None

    def __post_init__(self) -> None:
        low, high = self.integers
        if not low < high:
            raise ValueError(f"the first number should be smaller than the second: {low} and {high}")
        if self.log and low <= 0:
            raise ValueError(f"both numbers should be greater than 0 on a logarithmic scale: {low}")

    @property
    def count(self) -> int:
        """How many numbers the range has."""
        low, high = self.integers
        return (high - low) // self.step + 1

    def at(self, share: float) -> RangeValue:
        low, high = self.integers
        if not self.log:
            return self.number(int(share * self.count))
        # From half below the first number to half above the last one, so that the ends are as likely as the others.
        below, above = math.log(low - 0.5), math.log(high + 0.5)
        return self.number(round((math.exp(below + share * (above - below)) - low) / self.step))

    def grid(self) -> Sequence[RangeValue] | None:
        if self.levels is None:
            return [self.number(i) for i in range(self.count)] if self.count <= MOST_CHOICES else None
        chosen = [self.at(i / (self.levels - 1)) for i in range(self.levels)]
        return [RangeValue(value) for value in dict.fromkeys(each.value for each in chosen)]

    def extremes(self) -> Sequence[RangeValue]:
        return [self.number(0), self.number(self.count - 1)]

    def number(self, place: int) -> RangeValue:
        """The number at a place of the range, from 0; the nearest end beyond them."""
        return RangeValue(self.integers[0] + min(max(place, 0), self.count - 1) * self.step)


def value_text(value: Any) -> str:
    """A value of a field, as people read it."""
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _readable(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


KINDS = ("choices", "uniform", "integers", "log")
"""The word that tells a range, in the order of the search: whole numbers may have a `log` of their own."""


def kind_of(given: Any) -> str | None:
    """Which kind of range an object of JSON is; None if it is none."""
    if isinstance(given, Range):
        return next(kind for kind in KINDS if hasattr(given, kind))
    if isinstance(given, list | tuple):
        return "choices"
    return next((kind for kind in KINDS if kind in given), None) if isinstance(given, Mapping) else None


class _ListIsShort:
    """Annotates the union of ranges: a list is short for its choices."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_as_object, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        objects = handler(schema)
        values = {"type": "array", "items": {}, "minItems": 1, "maxItems": MOST_CHOICES}
        return {"anyOf": [values, objects]}


def _as_object(given: Any) -> Any:
    return {"choices": given} if isinstance(given, list | tuple) else given


AnyRange = Annotated[
    Annotated[Choices, Tag("choices"), DiscriminatedBy("choices")]
    | Annotated[Uniform, Tag("uniform"), DiscriminatedBy("uniform")]
    | Annotated[LogUniform, Tag("log"), DiscriminatedBy("log")]
    | Annotated[Integers, Tag("integers"), DiscriminatedBy("integers")],
    Discriminator(
        kind_of,
        custom_error_type="no_range",
        custom_error_message="Should be a list of values, or an object with one of log, uniform, integers, choices",
    ),
    _ListIsShort(),
]
