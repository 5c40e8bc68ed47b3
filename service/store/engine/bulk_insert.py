"""Insert many rows by the driver itself: what SQLAlchemy does for each row takes longer than the row takes SQLite."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Insert

Processor = Callable[[Any], Any]
Names = tuple[str, ...]
Columns = Mapping[str, Sequence[Any]]
"""The values of each column by its name."""


class _Compiled(NamedTuple):
    """An INSERT in the words of one database. names: its parameters. constants: of those that every row has the same.
    processors: None if the driver takes a value.
    """

    sql: str
    names: Sequence[str]
    constants: Mapping[str, Any]
    processors: Sequence[Processor | None]
    is_positional: bool


class BulkInsert:
    """An INSERT with a parameter for each of some columns. Values are converted as `Connection.execute` does it.

    A row does not name the columns that are null in it: SQLite's driver takes some microseconds to bind a null, as
    long as ten numbers. Columns with a default are always named.
    """

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        """`statement` may give other columns a value or an SQL expression. The rest have their defaults."""
        self._statement, self._columns = statement, list(columns)
        self._compiled: WeakKeyDictionary[Dialect, dict[Names, _Compiled]] = WeakKeyDictionary()
        table: Any = statement.table
        self._defaulted = {column.key for column in table.c if column.default or column.server_default}

    def execute(self, connection: Connection, values: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows, given the values of each column."""
        everything = self._for(connection.dialect, tuple(self._columns))
        count = len(values[self._columns[0]])
        given = {**{name: [value] * count for name, value in everything.constants.items()}, **values}
        processors = zip(everything.names, everything.processors, strict=True)
        columns = {name: _processed(process, given[name]) for name, process in processors}
        for names, chosen in _without_nulls(columns, self._defaulted):
            compiled = self._for(connection.dialect, names)
            rows: list[Any] = list(zip(*(chosen[name] for name in compiled.names), strict=True))
            if not compiled.is_positional:
                rows = [dict(zip(compiled.names, row, strict=True)) for row in rows]
            connection.exec_driver_sql(compiled.sql, rows)

    def _for(self, dialect: Dialect, names: Names) -> _Compiled:
        """The statement with these parameters, and those that every row has the same."""
        compiled = self._compiled.setdefault(dialect, {})
        if names not in compiled:
            compiled[names] = self._compile(dialect, names)
        return compiled[names]

    def _compile(self, dialect: Dialect, columns: Names) -> _Compiled:
        built: Any = self._statement.inline().compile(dialect=dialect, column_keys=list(columns))
        names = list(built.positiontup) if built.positional else list(built.params)
        types = (built.binds[name].type.dialect_impl(dialect) for name in names)
        processors = (each.bind_processor(dialect) for each in types)
        constants = {name: built.params[name] for name in names if name not in columns}
        constants |= {column.key: column.default.arg for column in built.insert_prefetch}
        return _Compiled(str(built), names, constants, list(processors), built.positional)


def _processed(process: Processor | None, values: Sequence[Any]) -> Sequence[Any]:
    """Convert a column. Many are null in all rows."""
    if process is None:
        return values
    if values.count(None) == len(values):
        return [process(None)] * len(values)
    return list(map(process, values))


def _without_nulls(columns: Columns, always: Collection[str]) -> Iterator[tuple[Names, Columns]]:
    """Rows in groups of those that have the same columns, with the names and the values of these.

    always: the columns that a row has even if they are null.
    """
    size = len(next(iter(columns.values())))
    nulls = {name: 0 if name in always else values.count(None) for name, values in columns.items()}
    partly = [name for name, count in nulls.items() if 0 < count < size]
    wholly = tuple(name for name, count in nulls.items() if count == 0)
    if not partly:
        yield wholly, columns
        return
    rows_with: dict[tuple[bool, ...], list[int]] = defaultdict(list)
    for row, given in enumerate(zip(*(map(_is_given, columns[name]) for name in partly), strict=True)):
        rows_with[given].append(row)
    for given, rows in rows_with.items():
        names = (*wholly, *compress(partly, given))
        yield names, {name: [columns[name][row] for row in rows] for name in names}


def _is_given(value: Any) -> bool:
    return value is not None
