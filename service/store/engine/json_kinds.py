"""The kind of a value within a JSON column as an SQL function, so that only numbers are read as numbers."""

from typing import Any

from sqlalchemy import ColumnElement, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

NUMBERS = ("number", "integer", "real")
BOOLEANS = ("boolean", "true", "false")
"""What the databases call the kinds."""


class json_kind(FunctionElement[str]):  # noqa: N801 -- reads as the SQL function it is
    """The kind of a value, in the words of the database; null if there is no value.

    Its arguments: the column, the path as SQLite writes it, and the element at the path. SQLite tells true from 1
    only in the column itself.
    """

    type = String()
    inherit_cache = True


def kind_at(column: ColumnElement[Any], path: tuple[str, ...]) -> json_kind:
    """The kind of the value at a path within a column."""
    written = "$" + "".join(f'."{step}"' for step in path)
    return json_kind(column, literal(written), column[path])


@compiles(json_kind, "sqlite")
def _sqlite_kind(element: json_kind, compiler: SQLCompiler, **options: Any) -> str:
    column, path = (compiler.process(each, **options) for each in list(element.clauses)[:2])
    return f"json_type({column}, {path})"


@compiles(json_kind, "postgresql")
def _postgresql_kind(element: json_kind, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_typeof({compiler.process(list(element.clauses)[2], **options)})"
