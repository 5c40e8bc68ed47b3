"""Tagged unions. A variant is one frozen dataclass: its name, its ranged fields, its docstring and its code.

A kind (loss, optimizer, balancing, ...) is the union of its variants. A spec gives one as an object,
`{"name": "focal", "gamma": 2}`, or as its bare name, `"focal"`.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

Positive = Annotated[float, Field(strict=True, gt=0)]
NonNegative = Annotated[float, Field(strict=True, ge=0)]
Fraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
Probability = Annotated[float, Field(strict=True, ge=0, le=1)]
Number = Annotated[float, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Flag = Annotated[bool, Field(strict=True)]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def variant(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, keyword-only dataclass for which pydantic refuses unknown keys."""
    cls.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # type: ignore[attr-defined]
    return dataclass(frozen=True, kw_only=True)(cls)


def members(union: Any) -> tuple[type[Any], ...]:
    """The variants of a kind: `members(Loss)` is `(L2, L1, ...)`; families within it are flattened."""
    if hasattr(union, "__metadata__"):
        return members(get_args(union)[0])
    return get_args(union) or (union,)


def name_of(cls: type[Any]) -> str:
    """The name that a spec uses for the variant `cls`: the default of its `name` field, or its only value."""
    declared = next(field for field in fields(cls) if field.name == "name")
    possible = (declared.default,) if declared.default is not MISSING else get_args(declared.type)
    if len(possible) != 1:
        raise TypeError(f"{cls.__name__}.name needs a default: that is its name in a spec")
    return str(possible[0])


def names(union: Any) -> list[str]:
    """The names of a kind, in the order of its union."""
    return [name_of(cls) for cls in members(union)]


class ByName:
    """Annotates a union of variants: `name` discriminates them, and a bare string is the name.

    `default` is the name of an object that gives none.
    """

    def __init__(self, default: str | None = None) -> None:
        self.default = default

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        union = handler.generate_schema(Annotated[source, Field(discriminator="name")])
        return core_schema.no_info_before_validator_function(self._as_object, union)

    def _as_object(self, given: Any) -> Any:
        if isinstance(given, str):
            return {"name": given}
        if self.default is not None and isinstance(given, Mapping) and "name" not in given:
            return {"name": self.default, **given}
        return given

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        objects = handler(schema)
        bare_names = require_names(objects, handler)
        without = [] if self.default is None else [_unnamed(objects, handler, self.default)]
        return {"anyOf": [{"type": "string", "enum": bare_names}, objects, *without]}


def require_names(
    union: JsonSchemaValue, handler: GetJsonSchemaHandler, *, default: str | None = None
) -> list[str]:
    """Require `name` in every object of the union, except in the variant that is the default.

    Returns the names that may stand alone: no other field of their variants is required.
    """
    bare_names = []
    for option in union["oneOf"]:
        declared = handler.resolve_ref_schema(option)
        name = declared["properties"]["name"]
        names_here = name.get("enum", [name.get("const")])
        if set(declared.get("required", ())) <= {"name"}:
            bare_names += names_here
        if default not in names_here:
            _require(option, handler, "name")
    return bare_names


def _unnamed(union: JsonSchemaValue, handler: GetJsonSchemaHandler, name: str) -> JsonSchemaValue:
    """The schema of the default variant as an object without a name.

    It needs a schema of its own: tools can only use a discriminator that is required in every variant.
    """
    named = next(
        schema
        for schema in map(handler.resolve_ref_schema, union["oneOf"])
        if schema["properties"]["name"].get("const") == name
    )
    unnamed = deepcopy(named)
    del unnamed["properties"]["name"]
    unnamed["required"] = [field for field in unnamed["required"] if field != "name"]
    return unnamed | {"title": f"Unnamed{unnamed['title']}"}


class OneOf:
    """Annotates a string that is one of some names, known only once the program runs."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(names)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(self.names)


class DiscriminatedBy:
    """Annotates a variant that a field distinguishes from the others of its union: the schema requires the field.

    The field has a default in Python, so the variant's own schema would make it optional.
    """

    def __init__(self, field: str) -> None:
        self.field = field

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        declared = handler(schema)
        _require(declared, handler, self.field)
        return declared


def _require(reference: JsonSchemaValue, handler: GetJsonSchemaHandler, field: str) -> None:
    declared = handler.resolve_ref_schema(reference)
    declared["required"] = list(dict.fromkeys([field, *declared.get("required", [])]))
