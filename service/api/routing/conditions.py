"""Conditions on listed experiments, as the parameter `where` writes them: `balanced_accuracy>=0.8`,
`spec.optimizer.name=adam`.
"""

import json
import re
from typing import Any, NamedTuple, cast

from service.http.query import InvalidQuery
from service.store import spec_values
from service.store.experiment_lists import MetricCondition
from service.store.experiment_metrics import NAMES
from service.store.spec_values import Comparison, SpecCondition
from workers.validation.suggestions import did_you_mean

CONDITION = re.compile(r"\s*([A-Za-z0-9_.]+)\s*(>=|<=|!=|=|>|<)\s*(.*?)\s*", re.DOTALL)
BETWEEN = re.compile(r",(?![^\[\]]*\])")
"""A comma that is not within a list, as in `spec.model.hidden=[64,32]`."""
EQUALITIES = ("=", "!=")
SPEC = "spec."
FORM = "should be conditions such as balanced_accuracy>=0.8 or spec.optimizer.name=adam, separated by commas"


class Conditions(NamedTuple):
    """Conditions on metrics and on specs, which all have to hold."""

    of_metrics: list[MetricCondition]
    of_specs: list[SpecCondition]


def parse(text: str | None) -> Conditions:
    """The conditions of a parameter. Raises InvalidQuery."""
    found = [_condition(each) for each in BETWEEN.split(text)] if text is not None else []
    return Conditions(
        [each for each in found if isinstance(each, MetricCondition)],
        [each for each in found if isinstance(each, SpecCondition)],
    )


def metric_names(parameter: str, text: str | None) -> list[str]:
    """Names of metrics, separated by commas. Raises InvalidQuery."""
    names = [each.strip() for each in text.split(",")] if text is not None else []
    for name in names:
        if name not in NAMES:
            right = f"{did_you_mean(name[:100], NAMES)}it is one of {', '.join(NAMES)}"
            raise InvalidQuery(parameter, name, f"unknown metric; {right}")
    return list(dict.fromkeys(names))


def _condition(text: str) -> MetricCondition | SpecCondition:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise InvalidQuery("where", text, FORM)
    name, comparison, value = found[1], cast("Comparison", found[2]), found[3]
    _require_known(name)
    given = _value(value)
    is_number = isinstance(given, float)
    if is_number and name in NAMES:
        return MetricCondition(name, comparison, cast("float", given))
    if name in NAMES:
        raise InvalidQuery("where", text, f"{name} is a metric: compare it with a number")
    if not is_number and comparison not in EQUALITIES:
        raise InvalidQuery("where", text, f"{comparison} compares numbers; {value!r} is none")
    return SpecCondition(_path(name, given), comparison, given)


def _path(name: str, value: Any) -> str:
    """The field that a condition is of: a variant is compared by its name, as in `spec.loss=focal`."""
    path = name.removeprefix(SPEC)
    of_variant = f"{path}.name"
    return of_variant if isinstance(value, str) and of_variant in spec_values.paths() else path


def _require_known(name: str) -> None:
    known = [*NAMES, *(f"{SPEC}{path}" for path in spec_values.paths())]
    if name not in known:
        suggestion = did_you_mean(name[:100], known)
        right = "it is a metric, or spec. and the path of a field of the spec"
        raise InvalidQuery("where", name, f"unknown field; {suggestion}{right}")


def _value(text: str) -> Any:
    """A number as a float, true, false, null or a list; what is none of these is a text."""
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**53 else text
    return value if isinstance(value, float | str | bool | list | None) else text
