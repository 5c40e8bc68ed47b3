"""The list of experiments as a flat table: a column for each field and each metric."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import create_model

from service.schemas.base import ResponseModel
from service.schemas.experiments import ExperimentRow

LEFT_OUT = ("links", "metrics")


@dataclass(frozen=True)
class FlatPage:
    """Rows of such a table, and the link to the next page."""

    items: Sequence[ResponseModel]
    next: str | None


@lru_cache(maxsize=64)
def row_type(metrics: tuple[str, ...]) -> type[ResponseModel]:
    """The type of a row with these metrics. Lists are texts, their elements separated by spaces."""
    fields: dict[str, Any] = {
        name: (Any, ...) for name in ExperimentRow.model_fields if name not in LEFT_OUT
    } | {f"metrics.{name}": (float | None, ...) for name in metrics}
    return create_model("ExperimentTableRow", __base__=ResponseModel, **fields)


def flat(row: type[ResponseModel], experiments: Iterable[ExperimentRow]) -> list[ResponseModel]:
    """The rows of experiments."""
    return [row.model_construct(**_cells(each)) for each in experiments]


def _cells(experiment: ExperimentRow) -> dict[str, Any]:
    fields = experiment.model_dump(mode="json", exclude=set(LEFT_OUT))
    metrics = {f"metrics.{name}": value for name, value in experiment.metrics.items()}
    return {name: _cell(value) for name, value in fields.items()} | metrics


def _cell(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value
