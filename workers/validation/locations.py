"""Follows the locations of pydantic's errors through the declarations of a spec, to what is expected there."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from workers.tagged_union import name_of


@cache
def field_paths(model: type[Any]) -> dict[str, str]:
    """The path of every field below the first level of a model or dataclass, by name; the first path if several
    fields have the name.
    """
    paths: dict[str, str] = {}
    queue = [(name, _field(model, name)) for name in field_names(model)]
    for path, annotation in queue:
        for cls in variants_by_tag(annotation).values() or [_bare(annotation)]:
            for each in fields(cls) if is_dataclass(cls) else ():
                inner = f"{path}.{each.name}"
                if each.name != "name" and each.name not in paths:
                    paths[each.name] = inner
                    queue.append((inner, each.type))
    return paths


def accepts_bare_name(scope: Any) -> bool:
    """Whether a bare name can replace an object here."""
    variants = list(variants_by_tag(scope).values()) or [_bare(scope)]
    return all(is_dataclass(each) and "name" in field_names(each) for each in variants)


def resolve_location(model: Any, location: Sequence[str | int]) -> tuple[str, Any]:
    """Follow pydantic's location from `model`: the path as a client writes it, and the type expected there.

    A location has the name of the chosen variant after the field that holds it; a path does not.
    """
    path, scope = "", model
    for step in location:
        choices = variants_by_tag(scope)
        if len(choices) > 1 and isinstance(step, str):
            scope = choices.get(step, Any)
        elif isinstance(step, str) and _is_choice(scope):
            continue  # the step names an arm of `number | "-inf"`
        elif isinstance(step, int):
            path, scope = f"{path}[{step}]", next(iter(get_args(_bare(scope))), Any)
        else:
            path, scope = f"{path}.{step}" if path else step, _field(scope, step)
    return path, scope


def variants_by_tag(annotation: Any) -> dict[str, type[Any]]:
    """The variants of a union, by the tag that pydantic puts into locations. Empty for any other type."""
    union = _bare(annotation)
    if get_origin(union) not in (Union, UnionType):
        return {}
    by_tag: dict[str, type[Any]] = {}
    for arm in get_args(union):
        tags = [note.tag for note in getattr(arm, "__metadata__", ()) if isinstance(note, Tag)]
        variant = _bare(arm)
        if isinstance(variant, type) and is_dataclass(variant):
            by_tag[tags[0] if tags else getattr(variant, "kind", None) or name_of(variant)] = variant
    return by_tag


def _is_choice(annotation: Any) -> bool:
    """Whether this is a union without variants, such as of a number and a string."""
    return get_origin(_bare(annotation)) in (Union, UnionType) and not variants_by_tag(annotation)


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
    if get_origin(scope) is dict:
        return get_args(scope)[1]
    if isinstance(scope, type) and is_dataclass(scope):
        annotations = {field.name: field.type for field in fields(scope)}
        return annotations.get(name, scope)
    return Any


def field_names(scope: Any) -> list[str]:
    """The keys that an object may have here. Empty if no object is expected."""
    scope = _bare(scope)
    if isinstance(scope, type) and issubclass(scope, BaseModel):
        return [*scope.model_fields, *getattr(scope, "SHORT_FORMS", ())]
    return [field.name for field in fields(scope)] if is_dataclass(scope) else []
