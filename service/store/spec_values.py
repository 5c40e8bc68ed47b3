"""The fields of stored specs as rows that an index finds: how conditions such as `spec.loss.name=focal` are answered.

A row has a field, its value as bytes that sort as the values do, and the experiment. So a condition is a range of one
index, and whether an experiment meets it is one look into another, however many experiments there are.
"""

import hashlib
import json
import operator
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    select,
)
from sqlalchemy.orm import aliased

from service.store.engine.bulk_insert import BulkInsert
from service.store.engine.row_limits import fixed_limit
from service.store.tables import Experiment, SpecValue
from workers.spec import ExperimentSpec

Comparison = Literal["=", "!=", ">=", "<=", ">", "<"]
COMPARISONS: dict[Comparison, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
FEW = 5000
"""Conditions that at most so many experiments meet are answered by their ids, others while the list is read."""
LONGEST_TEXT = 200
BEFORE_NUMBERS, AFTER_NUMBERS = b"n", b"o"
COLUMNS = ("field", "value", "experiment_id")
ADD = BulkInsert(insert(SpecValue), COLUMNS)
OTHERS: BindParameter[Any] = bindparam("others", expanding=True)
OF_FIRST = select(SpecValue.field, SpecValue.value, Experiment.id).where(
    SpecValue.experiment_id == bindparam("first")
)
COPY = insert(SpecValue).from_select(
    COLUMNS, OF_FIRST.join(Experiment, Experiment.id.in_(OTHERS)).order_by(*OF_FIRST.selected_columns)
)


@dataclass(frozen=True)
class SpecCondition:
    """A comparison of a field of the spec, `optimizer.name`, with a value. None: a field that is null or absent."""

    path: str
    comparison: Comparison
    value: Any

    @property
    def is_of_absence(self) -> bool:
        """Whether experiments without a row of the field meet it."""
        return self.value is None and self.comparison == "="

    @property
    def is_of_one_value(self) -> bool:
        """Whether the rows that meet it are next to each other, in the order of the experiments."""
        return self.value is not None and self.comparison == "="

    def of(self, row: type[SpecValue]) -> ColumnElement[bool]:
        """The condition on a row of the field. What has another type differs, and is neither larger nor smaller."""
        conditions: list[Any] = [row.field == number_of(self.path)]
        if self.value is not None:
            conditions.append(COMPARISONS[self.comparison](row.value, as_bytes(self.value)))
        if self.comparison in (">", ">="):
            conditions.append(row.value < AFTER_NUMBERS)
        elif self.comparison in ("<", "<="):
            conditions.append(row.value > BEFORE_NUMBERS)
        return and_(*conditions)

    def of_experiment(self) -> ColumnElement[bool]:
        """The condition on a row of the experiments."""
        row = aliased(SpecValue)
        met: ColumnElement[bool] = exists().where(row.experiment_id == Experiment.id, self.of(row))
        return ~met if self.is_of_absence else met


@dataclass(frozen=True)
class Narrowed:
    """What is left of conditions on specs. ids: the few experiments that meet the rare ones; None if none is rare.

    conditions: those that `ids` does not answer.
    """

    ids: Collection[int] | None
    conditions: Sequence[SpecCondition]


NO_CONDITIONS = Narrowed(None, ())


def narrow(connection: Connection, conditions: Iterable[SpecCondition]) -> Narrowed:
    """Answer the conditions that few experiments meet."""
    few: set[int] | None = None
    many = []
    for each in conditions:
        ids = None if each.is_of_absence else _few(connection, each)
        if ids is None:
            many.append(each)
        else:
            few = ids if few is None else few & ids
    return Narrowed(few, many)


def _few(connection: Connection, condition: SpecCondition) -> set[int] | None:
    """The experiments that meet a condition; None if they are many."""
    ids = connection.scalars(those_that_meet(condition)).all()
    return set(ids) if len(ids) <= FEW else None


def those_that_meet(condition: SpecCondition) -> Select[Any]:
    """A query of the ids of the experiments that meet a condition, or of one more than `FEW` of them.

    They are in the order of the index, so that every database reads it and none the whole table.
    """
    met: Select[Any] = select(SpecValue.experiment_id).where(condition.of(SpecValue))
    return met.order_by(SpecValue.field, SpecValue.value, SpecValue.experiment_id).limit(fixed_limit(FEW + 1))


def add(connection: Connection, specs: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Store the fields of the specs of new experiments, by their ids.

    The candidates of a sweep have most fields in common. The rows of these are made and sent once, and copied by the
    database.
    """
    numbered = list(specs)
    shared = _shared([spec for _, spec in numbered])
    if shared:
        first, *others = (id_ for id_, _ in numbered)
        _insert(connection, [(first, shared)])
        connection.execute(COPY, {"first": first, "others": others})
    _insert(connection, ((id_, {k: v for k, v in spec.items() if k not in shared}) for id_, spec in numbered))


def _shared(specs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What several specs have in common, by their fields at the top; nothing if there are not several.

    Equal values have equal bytes: no field is a truth value in one spec and a number in another one.
    """
    if len(specs) < 2:
        return {}
    first, *others = specs
    return {k: v for k, v in first.items() if all(k in each and each[k] == v for each in others)}


def _insert(connection: Connection, specs: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    rows = [(field, value, id_) for id_, spec in specs for field, value in rows_of(spec)]
    if rows:
        ADD.execute(connection, dict(zip(COLUMNS, zip(*sorted(rows), strict=True), strict=True)))


def replace(connection: Connection, experiment_id: int, fields: Mapping[str, Any]) -> None:
    """Store other values of some fields at the top of a spec."""
    numbers = [number_of(path) for path in fields]
    mine = delete(SpecValue).where(SpecValue.experiment_id == experiment_id)
    connection.execute(mine.where(SpecValue.field.in_(numbers)))
    add(connection, [(experiment_id, fields)])


def rows_of(spec: Mapping[str, Any]) -> list[tuple[int, bytes]]:
    """The number and the value of each field of a spec that is not null. Those that no schema names are left out."""
    known = _numbers()
    return [(known[path], as_bytes(value)) for path, value in _fields(spec, "") if path in known]


def _fields(spec: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in spec.items():
        path = above + name
        if isinstance(value, Mapping):
            yield from _fields(value, f"{path}.")
        elif value is not None:
            yield path, value


@cache
def paths() -> tuple[str, ...]:
    """The path of each field of a spec, with those of every variant: `optimizer.name`, `training.epochs`."""
    schema = ExperimentSpec.model_json_schema()
    return tuple(sorted(set(_paths(schema, schema["$defs"], ""))))


def _paths(schema: Mapping[str, Any], definitions: Mapping[str, Any], above: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _paths(definitions[schema["$ref"].rpartition("/")[2]], definitions, above)
    for alternatives in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(alternatives, ()):
            yield from _paths(each, definitions, above)
    for name, inner in schema.get("properties", {}).items():
        yield above + name
        yield from _paths(inner, definitions, f"{above}{name}.")


@cache
def _numbers() -> dict[str, int]:
    return {path: number_of(path) for path in paths()}


def number_of(path: str) -> int:
    """The number of a field: the CRC-32 of its path, signed."""
    (number,) = struct.unpack(">i", zlib.crc32(path.encode()).to_bytes(4))
    return int(number)


def as_bytes(value: Any) -> bytes:
    """A value as bytes. Numbers sort as they are; true is none. Of a long text, its hash."""
    if isinstance(value, bool):
        return b"b1" if value else b"b0"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**53):
        return BEFORE_NUMBERS + _sortable(float(value))
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    encoded = text.encode(errors="surrogatepass")
    return b"s" + (encoded if len(encoded) <= LONGEST_TEXT else hashlib.sha256(encoded).digest())


def _sortable(number: float) -> bytes:
    """A number as 8 bytes in the order of the numbers: the sign bit is turned, of negative numbers every bit."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))  # -0.0 + 0.0 is 0.0
    return struct.pack(">Q", bits ^ (2**64 - 1 if bits >> 63 else 2**63))
