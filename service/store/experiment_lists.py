"""The pages of the list of experiments, as queries of their ids: filtered, and in the order of any key.

A page is read in order from an index of its key, after the position where the page before ended. Its cost does not
grow with the number of experiments, unless few of them pass the filters.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, literal, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from service.store.experiment_metrics import NAMES
from service.store.spec_values import COMPARISONS, NO_CONDITIONS, Comparison, Narrowed
from service.store.tables import Experiment, ExperimentMetrics, ExperimentTag, SpecValue

KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "name": Experiment.name,
    "created_at": Experiment.created_at,
    "finished_at": Experiment.finished_at,
    **{name: getattr(ExperimentMetrics, name) for name in NAMES},
}
"""What lists are sorted by, besides the id."""


@dataclass(frozen=True)
class Filters:
    """The values that listed experiments have, and a part of their name; None matches any value."""

    status: str | None = None
    dataset: str | None = None
    loss: str | None = None
    optimizer: str | None = None
    balancing: str | None = None
    tag: str | None = None
    part_of_name: str | None = None


@dataclass(frozen=True)
class MetricCondition:
    """A comparison of a stored metric with a number."""

    metric: str
    comparison: Comparison
    value: float

    def sql(self) -> ColumnElement[bool]:
        """The condition in a query of experiments and their metrics."""
        condition: ColumnElement[bool] = COMPARISONS[self.comparison](KEYS[self.metric], self.value)
        return condition


@dataclass(frozen=True)
class Order:
    """The key that sorts a list, and its direction. Equal keys are in the order of their ids; no key comes last."""

    key: str = "id"
    ascending: bool = False


class Position(NamedTuple):
    """The last experiment of a page: the order of the list, the value of its key, and its id."""

    sort: str
    value: float | str | None
    id: int


def page_of_ids(
    filters: Filters,
    of_metrics: Sequence[MetricCondition] = (),
    of_specs: Narrowed = NO_CONDITIONS,
    *,
    order: Order = Order(),
    after: Position | None = None,
    limit: int,
) -> Select[Any]:
    """A query of the `id` and `value` of at most `limit` experiments beyond a position, and of one more."""
    wanted = _Wanted(filters, of_metrics, of_specs)
    if order.key == "id":
        last = None if after is None else after.id
        return _by_id(wanted, ascending=order.ascending, after=last).limit(limit + 1)
    return _by_key(wanted, order, after, limit + 1)


@dataclass(frozen=True)
class _Wanted:
    """What listed experiments have to meet."""

    filters: Filters
    of_metrics: Sequence[MetricCondition]
    of_specs: Narrowed


def _by_id(wanted: _Wanted, *, ascending: bool, after: int | None) -> Select[Any]:
    """By the id beside a tag or a value, whose index gives the page in order: a subquery would be read whole."""
    id_: InstrumentedAttribute[int] = Experiment.id
    driving = next((each for each in wanted.of_specs.conditions if each.is_of_one_value), None)
    if wanted.filters.tag is not None:
        id_ = ExperimentTag.experiment_id
    elif driving is not None and wanted.of_specs.ids is None:
        id_ = SpecValue.experiment_id
    chosen = _chosen(wanted, id_, literal(None))
    if id_ is SpecValue.experiment_id and driving is not None:
        chosen = chosen.join(SpecValue, and_(SpecValue.experiment_id == Experiment.id, driving.of(SpecValue)))
    if after is not None:
        chosen = chosen.where(id_ > after if ascending else id_ < after)
    return chosen.order_by(_directed(id_, ascending))


def _by_key(wanted: _Wanted, order: Order, after: Position | None, limit: int) -> Select[Any]:
    """Experiments with the key, in its order, and then those without one, in the order of their ids."""
    key = KEYS[order.key]
    id_ = ExperimentMetrics.experiment_id if key.parent.entity is ExperimentMetrics else Experiment.id
    chosen = _chosen(wanted, id_, key)
    absent = chosen.where(key.is_(None))
    valued = chosen.where(key.is_not(None))
    beyond = operator.gt if order.ascending else operator.lt
    if after is not None and after.value is None:
        absent = absent.where(beyond(id_, after.id))
        return absent.order_by(_directed(id_, order.ascending)).limit(limit)
    if after is not None:
        valued = valued.where(beyond(tuple_(key, id_), tuple_(literal(after.value, key.type), after.id)))
    valued = valued.order_by(_directed(key, order.ascending), _directed(id_, order.ascending)).limit(limit)
    if not key.property.columns[0].nullable:
        return valued
    parts = (
        valued,
        absent.order_by(_directed(id_, order.ascending)).limit(limit),
    )
    found = union_all(
        *(select(each.subquery(), literal(number).label("part")) for number, each in enumerate(parts))
    ).subquery()
    directed = (_directed(column, order.ascending) for column in (found.c.value, found.c.id))
    return select(found.c.id, found.c.value).order_by(found.c.part, *directed).limit(limit)


def _chosen(
    wanted: _Wanted,
    id_: InstrumentedAttribute[int],
    value: ColumnElement[Any] | InstrumentedAttribute[Any],
) -> Select[Any]:
    chosen: Select[Any] = select(id_.label("id"), value.label("value")).select_from(Experiment)
    if wanted.of_metrics or id_ is ExperimentMetrics.experiment_id:
        chosen = chosen.join(ExperimentMetrics, ExperimentMetrics.experiment_id == Experiment.id)
    if wanted.filters.tag is not None:
        chosen = chosen.join(ExperimentTag, ExperimentTag.experiment_id == Experiment.id)
        chosen = chosen.where(ExperimentTag.tag == wanted.filters.tag)
    if wanted.of_specs.ids is not None:
        chosen = chosen.where(Experiment.id.in_(wanted.of_specs.ids))
    of_specs = (each.of_experiment() for each in wanted.of_specs.conditions)
    return chosen.where(*_conditions(wanted.filters), *(each.sql() for each in wanted.of_metrics), *of_specs)


def _directed(column: Any, ascending: bool) -> ColumnElement[Any]:
    directed: ColumnElement[Any] = column.asc() if ascending else column.desc()
    return directed


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    columns = (
        Experiment.status,
        Experiment.dataset,
        Experiment.loss,
        Experiment.optimizer,
        Experiment.balancing,
    )
    wanted = [(column, getattr(filters, column.key)) for column in columns]
    conditions = [column == value for column, value in wanted if value is not None]
    if filters.part_of_name is not None:
        conditions.append(Experiment.name.icontains(filters.part_of_name, autoescape=True))
    return conditions
