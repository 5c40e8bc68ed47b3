"""Field errors: what is wrong with a spec, at which path, which value was given, and what would be right."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from workers.validation.locations import (
    accepts_bare_name,
    field_names,
    field_paths,
    resolve_location,
    variants_by_tag,
)
from workers.validation.messages import describe_error
from workers.validation.suggestions import did_you_mean, same_meaning, suggest

SHOULD = "should be "
OF_OBJECTS = ("dataclass_type", "model_attributes_type", "model_type")
"""The types of pydantic's errors for a value that should be an object."""


@dataclass(frozen=True)
class FieldError:
    """One error: the path in the spec ("loss.gama"), the value given, and a message without its subject."""

    path: str
    value: Any
    message: str


class InvalidSpec(ValueError):
    """The spec is invalid. `field_errors` lists everything that is wrong with it."""

    def __init__(self, field_errors: Iterable[FieldError]) -> None:
        self.field_errors = tuple(field_errors)
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in self.field_errors))


def to_field_errors(error: ValidationError, model: type[BaseModel]) -> list[FieldError]:
    """Convert pydantic's errors for `model`; suggest the right name if one was probably meant."""
    return merge_by_path(to_field_error(dict(detail), model) for detail in error.errors(include_url=False))


def to_field_error(detail: dict[str, Any], model: type[BaseModel]) -> FieldError:
    """Convert one entry of `ValidationError.errors()` whose location starts at `model`."""
    path, scope = resolve_location(model, detail["loc"])
    given, kind = detail.get("input"), detail["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return FieldError(
            path, given, f"unknown field; {_right_fields(path, str(detail['loc'][-1]), scope, model)}"
        )
    if kind == "union_tag_invalid":
        tag = str(detail["ctx"]["tag"])
        return FieldError(
            path, tag, f"unknown name {tag!r}; {_right_names(tag, list(variants_by_tag(scope)))}"
        )
    if kind == "union_tag_not_found":
        return FieldError(path, given, f'"name" is missing; it is one of {", ".join(variants_by_tag(scope))}')
    if kind in OF_OBJECTS and accepts_bare_name(scope):
        return FieldError(path, given, "should be a name or an object")
    return field_error_at(path, detail)


def field_error_at(path: str, detail: Mapping[str, Any]) -> FieldError:
    """Convert one entry of `ValidationError.errors()` that concerns only the value at `path`."""
    message, given = describe_error(detail), detail.get("input")
    if detail["type"] == "literal_error" and isinstance(given, str):
        names = re.findall("'([^']*)'", detail["ctx"]["expected"])
        message = _orders(names) or message
        meant = suggest(given, names) if len(names) > 1 else None
        message += f"; did you mean {meant!r}?" if meant else ""
    return FieldError(path, given, message)


def _orders(names: Sequence[str]) -> str | None:
    """What a value should be whose names come in pairs, ascending and descending; None of other names."""
    keys = [name for name in names if f"-{name}" in names]
    if 2 * len(keys) < len(names) or not keys:
        return None
    return f"should be one of {', '.join(keys)}; with a - before it, the largest come first"


def merge_by_path(field_errors: Iterable[FieldError]) -> list[FieldError]:
    """Merge errors with the same path: pydantic reports one for each arm of `number or "-inf"`."""
    by_path: dict[str, FieldError] = {}
    others: list[FieldError] = []
    for error in field_errors:
        first = by_path.setdefault(error.path, error)
        if first is error:
            continue
        if error.message.startswith(SHOULD) and first.message.startswith(SHOULD):
            more = f"{first.message}, or {error.message.removeprefix(SHOULD)}"
            by_path[error.path] = replace(first, message=more)
        else:
            others.append(error)
    return [*by_path.values(), *others]


def _right_fields(path: str, given: str, scope: Any, model: type[BaseModel]) -> str:
    """Suggest the field that was meant: one at this place, or one elsewhere in the spec."""
    known, parent = field_names(scope), path.removesuffix(given).removesuffix(".")
    place = None if same_meaning(given, known) else _elsewhere(given, field_paths(model))
    if place is not None and place.rpartition(".")[0] != parent:
        return f"did you mean {place!r}? the fields here are {', '.join(known)}"
    return _right_names(given, known)


def _right_names(given: str, known: Sequence[str]) -> str:
    return (
        f"{did_you_mean(given, known)}it is one of {', '.join(known)}" if known else "no field is known here"
    )


def _elsewhere(given: str, paths: Mapping[str, str]) -> str | None:
    """The path of the field with this name or a synonym of it, anywhere in the spec."""
    name = same_meaning(given, paths)
    return None if name is None else paths[name]
