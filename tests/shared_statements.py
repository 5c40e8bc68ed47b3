"""The engines of a test process share their compiled statements.

Each test has an engine of its own. To compile the statements of the service for each anew took a third of the time of
its tests.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.util import LRUCache

from service.store.engine.bulk_insert import BulkInsert, Names


class SharedStatements(LRUCache[Any, Any]):
    """Compiled statements by SQLAlchemy's key, in which what the dialect renders stands for the dialect itself."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_shared(key), default)

    def __setitem__(self, key: Any, statement: Any) -> None:
        super().__setitem__(_shared(key), statement)


def share_compiled_statements() -> None:
    """Let all engines that this process makes from now on share their compiled statements."""
    statements = SharedStatements(5000)

    def engine_created(_dialect: type[Dialect], engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=statements)

    DefaultDialect.engine_created = classmethod(engine_created)  # type: ignore[method-assign, assignment]
    _share_bulk_inserts()


def _share_bulk_inserts() -> None:
    """Let a bulk insert compile for one engine of those for which it would render the same."""
    compiled_for, firsts = BulkInsert._for, dict[tuple[Any, ...], Dialect]()

    def shared(insert: BulkInsert, dialect: Dialect, names: Names) -> Any:
        return compiled_for(insert, firsts.setdefault(_rendering(dialect), dialect), names)

    BulkInsert._for = shared  # type: ignore[method-assign, assignment]


def _shared(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *rest = key
    return (*_rendering(dialect), *rest)


def _rendering(dialect: Any) -> tuple[Any, ...]:
    """What a dialect renders depends on this."""
    return type(dialect), dialect.paramstyle, dialect.server_version_info, dialect._json_serializer
