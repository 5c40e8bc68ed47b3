"""What is wrong with a spec, said so that it can be put right: where, what was given, what would be right."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from workers.variant import name_of


@dataclass(frozen=True)
class Fault:
    """One thing wrong: the path in the spec ("loss.gama"), the value given, a sentence."""

    path: str
    value: Any
    message: str


class InvalidSpec(ValueError):
    """The spec cannot be carried out; `faults` says why, all at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in self.faults))


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """The faults behind pydantic's errors for `model`, with the nearest right name where one was misspelt."""
    return [fault_of(dict(detail), model) for detail in error.errors(include_url=False)]


def fault_of(detail: dict[str, Any], model: type[BaseModel]) -> Fault:
    """The fault behind one entry of `ValidationError.errors()` whose location starts at `model`."""
    path, scope = _walk(model, detail["loc"])
    given, kind = detail.get("input"), detail["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return Fault(
            path, given, f"unknown field; {_right_names(str(detail['loc'][-1]), _field_names(scope))}"
        )
    if kind == "union_tag_invalid":
        tag = str(detail["ctx"]["tag"])
        return Fault(path, tag, f"unknown name {tag!r}; {_right_names(tag, list(_arms(scope)))}")
    if kind == "union_tag_not_found":
        return Fault(path, given, f'"name" is missing; it is one of {", ".join(_arms(scope))}')
    message = detail["msg"].removeprefix("Value error, ")
    return Fault(path, given, message[0].lower() + message[1:])


def _right_names(given: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}it is one of {', '.join(known)}" if known else f"{hint}no field is known here"


def _walk(model: Any, location: Sequence[str | int]) -> tuple[str, Any]:
    """Follow pydantic's location from `model`: the path as a client wrote it, and what was expected there.

    In a location, the name of the chosen variant follows the field that holds it; in a path it does not.
    """
    path, scope = "", model
    for step in location:
        arms = _arms(scope)
        if len(arms) > 1 and isinstance(step, str):
            scope = arms.get(step, Any)
        elif isinstance(step, int):
            path, scope = f"{path}[{step}]", next(iter(get_args(_bare(scope))), Any)
        else:
            path, scope = f"{path}.{step}" if path else step, _field(scope, step)
    return path, scope


def _arms(annotation: Any) -> dict[str, type[Any]]:
    """The variants of a union by the tag that pydantic puts into a location; none where it is no such union."""
    union = _bare(annotation)
    if get_origin(union) not in (Union, UnionType):
        return {}
    arms: dict[str, type[Any]] = {}
    for arm in get_args(union):
        tags = [note.tag for note in getattr(arm, "__metadata__", ()) if isinstance(note, Tag)]
        variant = _bare(arm)
        if isinstance(variant, type) and is_dataclass(variant):
            arms[tags[0] if tags else getattr(variant, "kind", None) or name_of(variant)] = variant
    return arms


def _bare(annotation: Any) -> Any:
    """The annotation without `Annotated` and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        present = [arm for arm in get_args(annotation) if arm is not type(None)]
        return _bare(present[0]) if len(present) == 1 else annotation
    return annotation


def _field(scope: Any, name: str) -> Any:
    scope = _bare(scope)
    if isinstance(scope, type) and issubclass(scope, BaseModel):
        return scope.model_fields[name].annotation if name in scope.model_fields else scope
    if isinstance(scope, type) and is_dataclass(scope):
        annotations = {field.name: field.type for field in fields(scope)}
        return annotations.get(name, scope)
    return Any


def _field_names(scope: Any) -> list[str]:
    scope = _bare(scope)
    if isinstance(scope, type) and issubclass(scope, BaseModel):
        return list(scope.model_fields)
    return [field.name for field in fields(scope)] if is_dataclass(scope) else []
