"""Response models with a field for each metric, as the metrics are declared in workers/evaluation/metrics."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from pydantic import Field, create_model

from service.schemas.base import ResponseModel
from workers.docstrings import documentation

M = TypeVar("M", bound=ResponseModel)


class Declared(Protocol):
    """A declared metric, of a part or of each class."""

    @property
    def name(self) -> str: ...
    @property
    def formula(self) -> Callable[..., Any]: ...
    @property
    def always_stored(self) -> bool: ...
    @property
    def null_if(self) -> str | None: ...


def with_metrics(
    metrics: Iterable[Declared], *, beside: Mapping[str, Mapping[str, Any]]
) -> Callable[[type[M]], type[M]]:
    """Add a number for each metric after the fields of the decorated model.

    beside: the fields that follow a metric, by its name; each as (type, Field(...)), or its type alone.
    """
    fields: dict[str, Any] = {}
    for metric in metrics:
        type_ = float if metric.always_stored and metric.null_if is None else float | None
        fields[metric.name] = (type_, Field(description=_description(metric)))
        fields |= beside.get(metric.name, {})
    return _with_fields(fields)


def with_values(metrics: Iterable[Declared], type_: Any) -> Callable[[type[M]], type[M]]:
    """Add a value of a type for each metric after the fields of the decorated model; null if there is none."""
    return _with_fields({metric.name: type_ if metric.always_stored else type_ | None for metric in metrics})


def _with_fields(fields: dict[str, Any]) -> Callable[[type[M]], type[M]]:
    def extend(model: type[M]) -> type[M]:
        extended: type[M] = create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **fields
        )
        return extended

    return extend


def _description(metric: Declared) -> str:
    summary = documentation(metric.formula).summary
    if metric.null_if is not None:
        return f"{summary} Null if {metric.null_if}."
    return (
        summary if metric.always_stored else f"{summary} Null in epochs from before Holdout had this metric."
    )
