"""Paths of fields in a spec, as error messages write them: `optimizer.learning_rate`, `model.hidden[0]`."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

Step = str | int
STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")


class NoSuchPlace(ValueError):
    """A path leads nowhere in the spec."""


@lru_cache(maxsize=10_000)
def steps(path: str) -> tuple[Step, ...]:
    """`model.hidden[0]` is `("model", "hidden", 0)`."""
    found = tuple(name or int(index) for name, index in STEP.findall(path))
    return found or (path,)


def depth(path: str) -> int:
    """How many steps a path has."""
    return len(steps(path))


def is_within(path: str, ancestor: str) -> bool:
    """Whether a path leads to a field of what is at another path."""
    inner, outer = steps(path), steps(ancestor)
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def with_value(spec: Any, path: tuple[Step, ...], value: Any) -> Any:
    """The spec with another value at a path. It shares all that does not change. Raises NoSuchPlace."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(spec, str) and isinstance(step, str):
        spec = {"name": spec}
    if isinstance(step, str) and isinstance(spec, Mapping):
        inner = spec.get(step)
        return {**spec, step: with_value({} if inner is None else inner, rest, value)}
    if isinstance(step, int) and isinstance(spec, list | tuple) and step < len(spec):
        return [*spec[:step], with_value(spec[step], rest, value), *spec[step + 1 :]]
    raise NoSuchPlace("there is no such field in the spec")
