"""What is wrong with a spec: the place, the value given, and what would be right."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from workers.validation.expectations import arms, field_names, has_name, places, walk
from workers.validation.messages import sentence
from workers.validation.suggestions import hint, same, suggestion

SHOULD = "should be "
OF_OBJECTS = ("dataclass_type", "model_attributes_type", "model_type")
"""The errors of pydantic that ask for an object."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong: the path in the spec ("loss.gama"), the value given, a sentence."""

    path: str
    value: Any
    message: str


class InvalidSpec(ValueError):
    """The spec cannot be carried out. `errors` lists everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in self.faults))


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """The faults behind pydantic's errors for `model`, with the right name where one was probably meant."""
    return merged(fault_of(dict(detail), model) for detail in error.errors(include_url=False))


def fault_of(detail: dict[str, Any], model: type[BaseModel]) -> Fault:
    """The fault behind one entry of `ValidationError.errors()` whose location starts at `model`."""
    path, scope = walk(model, detail["loc"])
    given, kind = detail.get("input"), detail["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return Fault(
            path, given, f"unknown field; {_right_fields(path, str(detail['loc'][-1]), scope, model)}"
        )
    if kind == "union_tag_invalid":
        tag = str(detail["ctx"]["tag"])
        return Fault(path, tag, f"unknown name {tag!r}; {_right_names(tag, list(arms(scope)))}")
    if kind == "union_tag_not_found":
        return Fault(path, given, f'"name" is missing; it is one of {", ".join(arms(scope))}')
    if kind in OF_OBJECTS and has_name(scope):
        return Fault(path, given, "should be a name or an object")
    return value_fault(path, detail)


def value_fault(path: str, detail: Mapping[str, Any]) -> Fault:
    """The fault behind one entry of `ValidationError.errors()` that concerns the value at `path` alone."""
    message, given = sentence(detail), detail.get("input")
    if detail["type"] == "literal_error" and isinstance(given, str):
        meant = suggestion(given, re.findall("'([^']*)'", detail["ctx"]["expected"]))
        message += f"; did you mean {meant!r}?" if meant else ""
    return Fault(path, given, message)


def merged(faults: Iterable[Fault]) -> list[Fault]:
    """Those of one place as one: what pydantic finds wrong with each arm of `number or "-inf"` is one fault."""
    by_path: dict[str, Fault] = {}
    others: list[Fault] = []
    for fault in faults:
        first = by_path.setdefault(fault.path, fault)
        if first is fault:
            continue
        if fault.message.startswith(SHOULD) and first.message.startswith(SHOULD):
            more = f"{first.message}, or {fault.message.removeprefix(SHOULD)}"
            by_path[fault.path] = replace(first, message=more)
        else:
            others.append(fault)
    return [*by_path.values(), *others]


def _right_fields(path: str, given: str, scope: Any, model: type[BaseModel]) -> str:
    """Which field was meant: one of those here, or one that is elsewhere in the spec."""
    known, parent = field_names(scope), path.removesuffix(given).removesuffix(".")
    place = None if same(given, known) else _elsewhere(given, places(model))
    if place is not None and place.rpartition(".")[0] != parent:
        return f"did you mean {place!r}? the fields here are {', '.join(known)}"
    return _right_names(given, known)


def _right_names(given: str, known: Sequence[str]) -> str:
    return f"{hint(given, known)}it is one of {', '.join(known)}" if known else "no field is known here"


def _elsewhere(given: str, paths: Mapping[str, str]) -> str | None:
    """The path of the field of this name, or of one that means the same, wherever in the spec it is."""
    name = same(given, paths)
    return None if name is None else paths[name]
