"""The catalogue: every variant that a spec can name, derived from the declarations, as plain data."""

import re
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import TypeAdapter

from workers.corruptions.choice import Robustness
from workers.data.balancing import AnyBalancing
from workers.data.imbalance import Imbalance
from workers.data.preprocessing import Preprocessing
from workers.data.scaling import AnyScaling
from workers.data.sources import AnySource
from workers.data.split_orders import AnyOrder
from workers.data.splits import AnySplit
from workers.docstrings import documentation
from workers.evaluation.metrics import SUMMARISED, Metric
from workers.nn.activations import AnyActivation
from workers.nn.class_weights import AnyClassWeights
from workers.nn.initializers import AnyInitializer
from workers.nn.losses import AnyLoss
from workers.nn.models import AnyModel
from workers.nn.optimizers import AnyOptimizer
from workers.nn.schedules import AnySchedule
from workers.spec import EarlyStopping, Training
from workers.tagged_union import members
from workers.thresholds import AnyPrediction

KINDS: dict[str, Any] = {
    "losses": AnyLoss,
    "class_weights": AnyClassWeights,
    "balancing": AnyBalancing,
    "optimizers": AnyOptimizer,
    "schedules": AnySchedule,
    "models": AnyModel,
    "activations": AnyActivation,
    "initializers": AnyInitializer,
    "preprocessing": Preprocessing,
    "scaling": AnyScaling,
    "predictions": AnyPrediction,
    "sources": AnySource,
    "imbalance": Imbalance,
    "splits": AnySplit,
    "split_orders": AnyOrder,
    "robustness": Robustness,
    "training": Training,
    "early_stopping": EarlyStopping,
}
"""The kinds of variants in a spec, by their names in the catalogue."""

Schema = dict[str, Any]
DESCRIPTIVE = ("title", "description", "default", "type")


@dataclass(frozen=True)
class Field:
    """A field of a variant.

    type: a JSON type, or the kind whose variants the field takes. constraints: keywords of JSON Schema.
    """

    name: str
    type: str
    required: bool
    nullable: bool
    default: Any
    constraints: Schema


@dataclass(frozen=True)
class Variant:
    """One variant of a kind. description: its formula and purpose.

    when: in which case to use it. source: its publication. oracle: the independent implementation that its
    tests compare with.
    """

    name: str
    summary: str
    description: str
    when: str | None
    source: str | None
    oracle: str | None
    fields: list[Field]


def catalog() -> dict[str, list[Variant]]:
    """The variants of every kind, in the order of its union, and the metrics that may select an epoch."""
    kinds = {kind: [_variant(cls) for cls in classes_of(union)] for kind, union in KINDS.items()}
    return {**kinds, "selection_metrics": [_metric(each) for each in SUMMARISED]}


def classes_of(union: Any) -> list[type[Any]]:
    """The dataclasses of a kind, without their annotations."""
    return [get_args(member)[0] if hasattr(member, "__metadata__") else member for member in members(union)]


def _variant(cls: type[Any]) -> Variant:
    schema = TypeAdapter(cls).json_schema()
    properties, required = schema["properties"], schema.get("required", [])
    documented = vars(documentation(cls))
    # A constant name identifies the variant; a name with several values is one of its fields.
    name = properties.get("name", {}).get("const")
    fields = [
        _field(key, each, key in required) for key, each in properties.items() if not (name and key == "name")
    ]
    return Variant(name or _snake_case(cls.__name__), **documented, fields=fields)


def _metric(metric: Metric[Any, Any]) -> Variant:
    documented = dict(vars(documentation(metric.formula)))
    larger_or_smaller = "larger" if metric.direction == "max" else "smaller"
    use = f"On the validation part; {larger_or_smaller} is better."
    documented["summary"] += f" {use}"
    documented["description"] += f"\n\n{use}"
    return Variant(metric.name, **documented, fields=[])


def _field(name: str, schema: Schema, required: bool) -> Field:
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    nullable = len(choices) < len(schema.get("anyOf", ()))
    inner = choices[0] if len(choices) == 1 else schema
    type_, constraints = _kind(inner) or (_type(inner), _constraints(inner))
    return Field(name, type_, required, nullable, schema.get("default"), constraints)


def _type(schema: Schema) -> str:
    return str(schema.get("type") or " or ".join(_type(each) for each in schema.get("anyOf", ())))


def _constraints(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in DESCRIPTIVE}


def _kind(schema: Schema) -> tuple[str, Schema] | None:
    """The kind whose variants a field takes, found by their class names; an enum if it takes only some of them."""
    taken = {reference.rpartition("/")[2] for reference in _references(schema)}
    for kind, union in KINDS.items():
        classes = classes_of(union)
        if taken and taken <= {cls.__name__ for cls in classes}:
            some = [cls for cls in classes if cls.__name__ in taken]
            return kind, {} if some == classes else {"enum": [_variant(cls).name for cls in some]}
    return None


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if "$ref" in schema else []
        return own + [found for value in schema.values() for found in _references(value)]
    return [found for value in schema for found in _references(value)] if isinstance(schema, list) else []


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
