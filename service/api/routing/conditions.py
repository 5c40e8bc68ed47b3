"""Conditions on listed experiments, as the parameter `where` writes them: `balanced_accuracy>=0.8`,
`spec.optimizer.name=adam`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from service.http.query import InvalidQuery
from service.store.experiment_lists import Comparison, Condition
from service.store.experiment_metrics import NAMES
from workers.spec import ExperimentSpec
from workers.validation.suggestions import did_you_mean

CONDITION = re.compile(r"\s*([A-Za-z0-9_.]+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*", re.DOTALL)
EQUALITIES = ("=", "!=")
SPEC = "spec."
FORM = "should be conditions such as balanced_accuracy>=0.8 or spec.optimizer.name=adam, separated by commas"


def parse(text: str | None) -> list[Condition]:
    """The conditions of a parameter. Raises InvalidQuery."""
    return [_condition(each) for each in text.split(",")] if text is not None else []


def metric_names(parameter: str, text: str | None) -> list[str]:
    """Names of metrics, separated by commas. Raises InvalidQuery."""
    names = [each.strip() for each in text.split(",")] if text is not None else []
    for name in names:
        if name not in NAMES:
            right = f"{did_you_mean(name[:100], NAMES)}it is one of {', '.join(NAMES)}"
            raise InvalidQuery(parameter, name, f"unknown metric; {right}")
    return list(dict.fromkeys(names))


def _condition(text: str) -> Condition:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise InvalidQuery("where", text, FORM)
    name, comparison, value = found.groups()
    of_spec = name.startswith(SPEC)
    _require_known(name)
    given = _value(value)
    is_number = isinstance(given, float | int) and not isinstance(given, bool)
    if not of_spec and not is_number:
        raise InvalidQuery("where", text, f"{name} is a metric: compare it with a number")
    if not is_number and comparison not in EQUALITIES:
        raise InvalidQuery("where", text, f"{comparison} compares numbers; {value!r} is none")
    field = tuple(name.removeprefix(SPEC).split(".")) if of_spec else name
    return Condition(field, cast("Comparison", comparison), given)


def _require_known(name: str) -> None:
    known = [*NAMES, *(f"{SPEC}{path}" for path in spec_paths())]
    if name not in known:
        suggestion = did_you_mean(name[:100], known)
        right = "it is a metric, or spec. and the path of a field of the spec"
        raise InvalidQuery("where", name, f"unknown field; {suggestion}{right}")


def _value(text: str) -> float | str | bool | None:
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**53 else text
    return value if isinstance(value, float | str | bool | None) else text


@cache
def spec_paths() -> tuple[str, ...]:
    """The path of each field of a spec, with those of every variant: `optimizer.name`, `training.epochs`."""
    schema = ExperimentSpec.model_json_schema()
    return tuple(sorted(set(_paths(schema, schema["$defs"], ()))))


def _paths(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], above: tuple[str, ...]
) -> Iterator[str]:
    if "$ref" in schema:
        yield from _paths(definitions[schema["$ref"].rpartition("/")[2]], definitions, above)
    for alternatives in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(alternatives, ()):
            yield from _paths(each, definitions, above)
    for name, inner in schema.get("properties", {}).items():
        yield ".".join((*above, name))
        yield from _paths(inner, definitions, (*above, name))
