"""The engines of a test process share their compiled statements.

Each test has an engine of its own. To compile the statements of the service for each anew took a third of the time of
its tests.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.util import LRUCache


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


def _shared(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *rest = key
    return (type(dialect), dialect.paramstyle, dialect.server_version_info, dialect._json_serializer, *rest)
