"""The catalogue: every variant that a spec can name, read off the declarations themselves, as plain data."""

import inspect
import re
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import TypeAdapter

from workers.data.balancing import AnyBalancing
from workers.data.imbalance import Imbalance
from workers.data.scaling import AnyScaling
from workers.data.sources import AnySource
from workers.data.splits import AnySplit
from workers.evaluation.selection import DIRECTIONS
from workers.nn.activations import AnyActivation
from workers.nn.class_weights import AnyClassWeights
from workers.nn.initializers import AnyInitializer
from workers.nn.losses import AnyLoss
from workers.nn.models import AnyModel
from workers.nn.optimizers import AnyOptimizer
from workers.nn.schedules import AnySchedule
from workers.prediction import AnyPrediction
from workers.spec import EarlyStopping, Training
from workers.variant import members

KINDS: dict[str, Any] = {
    "losses": AnyLoss,
    "class_weights": AnyClassWeights,
    "balancing": AnyBalancing,
    "optimizers": AnyOptimizer,
    "schedules": AnySchedule,
    "models": AnyModel,
    "activations": AnyActivation,
    "initializers": AnyInitializer,
    "scaling": AnyScaling,
    "predictions": AnyPrediction,
    "sources": AnySource,
    "imbalance": Imbalance,
    "splits": AnySplit,
    "training": Training,
    "early_stopping": EarlyStopping,
}
"""What a spec is made of."""

Schema = dict[str, Any]
DESCRIPTIVE = ("title", "description", "default", "type")


@dataclass(frozen=True)
class Field:
    """A field of a variant.

    type: a JSON type, or the kind of which a variant is taken. constraints: in the words of JSON Schema.
    """

    name: str
    type: str
    required: bool
    nullable: bool
    default: Any
    constraints: Schema


@dataclass(frozen=True)
class Variant:
    """One choice. description: its docstring, with the formula, what it is good for, and its source."""

    name: str
    summary: str
    description: str
    fields: list[Field]


@dataclass(frozen=True)
class Metric:
    """What may select the best epoch, always on the validation part. direction: whether more or less is better."""

    name: str
    direction: str


def catalog() -> dict[str, list[Variant]]:
    """The variants of every kind, in the order of its union."""
    return {kind: [_variant(cls) for cls in classes_of(union)] for kind, union in KINDS.items()}


def selection_metrics() -> list[Metric]:
    """The metrics that may select."""
    return [Metric(name, direction) for name, direction in DIRECTIONS.items()]


def classes_of(union: Any) -> list[type[Any]]:
    """The dataclasses behind a kind, without what annotates them."""
    return [get_args(member)[0] if hasattr(member, "__metadata__") else member for member in members(union)]


def _variant(cls: type[Any]) -> Variant:
    schema = TypeAdapter(cls).json_schema()
    properties, required = schema["properties"], schema.get("required", [])
    description = inspect.cleandoc(cls.__doc__ or "")
    # A name that is fixed is the variant's own; one that is chosen is a field of it.
    name = properties.get("name", {}).get("const") or _snake_case(cls.__name__)
    fields = [_field(key, each, key in required) for key, each in properties.items() if "const" not in each]
    return Variant(name, description.partition("\n\n")[0].replace("\n", " "), description, fields)


def _field(name: str, schema: Schema, required: bool) -> Field:
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    nullable = len(choices) < len(schema.get("anyOf", ()))
    inner = choices[0] if len(choices) == 1 else schema
    type_, kind = _type(inner), _kind(inner)
    constraints = {} if kind else {key: inner[key] for key in inner if key not in DESCRIPTIVE}
    return Field(name, kind or type_, required, nullable, schema.get("default"), constraints)


def _type(schema: Schema) -> str:
    return str(schema.get("type") or " or ".join(_type(each) for each in schema.get("anyOf", ())))


def _kind(schema: Schema) -> str | None:
    """The kind that a field takes a variant of, recognised by the names of its classes."""
    names = {reference.rpartition("/")[2] for reference in _references(schema)}
    kinds = (kind for kind, union in KINDS.items() if {cls.__name__ for cls in classes_of(union)} == names)
    return next(kinds, None)


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if "$ref" in schema else []
        return own + [found for value in schema.values() for found in _references(value)]
    return [found for value in schema for found in _references(value)] if isinstance(schema, list) else []


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
