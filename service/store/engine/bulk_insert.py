"""Insert many rows by the driver itself: what SQLAlchemy does for each row takes longer than the row takes SQLite."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Insert

Processor = Callable[[Any], Any]


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
    """An INSERT with a parameter for each of some columns. Values are converted as `Connection.execute` does it."""

    def __init__(self, statement: Insert, columns: Sequence[str]) -> None:
        """`statement` may give other columns a value or an SQL expression. The rest have their defaults."""
        self._statement, self._columns = statement, list(columns)
        self._compiled: WeakKeyDictionary[Dialect, _Compiled] = WeakKeyDictionary()

    def execute(self, connection: Connection, values: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows, given the values of each column."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect) or self._compile(dialect)
        count = len(values[self._columns[0]])
        given = {**{name: [value] * count for name, value in compiled.constants.items()}, **values}
        columns = [
            given[name] if process is None else list(map(process, given[name]))
            for name, process in zip(compiled.names, compiled.processors, strict=True)
        ]
        rows: list[Any] = list(zip(*columns, strict=True))
        if not compiled.is_positional:
            rows = [dict(zip(compiled.names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(compiled.sql, rows)

    def _compile(self, dialect: Dialect) -> _Compiled:
        built: Any = self._statement.inline().compile(dialect=dialect, column_keys=self._columns)
        names = list(built.positiontup) if built.positional else list(built.params)
        types = (built.binds[name].type.dialect_impl(dialect) for name in names)
        processors = (each.bind_processor(dialect) for each in types)
        constants = {name: built.params[name] for name in names if name not in self._columns}
        constants |= {column.key: column.default.arg for column in built.insert_prefetch}
        compiled = _Compiled(str(built), names, constants, list(processors), built.positional)
        self._compiled[dialect] = compiled
        return compiled
