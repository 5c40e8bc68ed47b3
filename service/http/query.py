"""Query strings: every parameter is known, and given once."""

from starlette.datastructures import QueryParams

from workers.validation.suggestions import did_you_mean

LISTS = ("fields", "ids", "where")
"""Parameters that take several values, separated by commas."""


class InvalidQuery(ValueError):
    """A query parameter is unknown, not valid, or given more than once."""

    def __init__(self, name: str, value: str, message: str) -> None:
        self.name, self.value, self.message = name, value, message
        super().__init__(f"{name}: {message}")


def check(query: QueryParams, known: list[str]) -> None:
    """Raise InvalidQuery if a parameter is given twice, or is unknown; then it names the nearest."""
    given = query.multi_items()
    names = [name for name, _ in given]
    for name, value in given:
        if name not in known:
            right = f"it is one of {', '.join(known)}" if known else "this path has no parameters"
            raise InvalidQuery(
                name, value, f"unknown query parameter; {did_you_mean(name[:100], known)}{right}"
            )
        if names.count(name) > 1:
            raise InvalidQuery(name, value, f"is given more than once; {_once(name, query.getlist(name))}")


def _once(name: str, values: list[str]) -> str:
    """How to give a parameter once."""
    return f"write {name}={','.join(values)}"[:300] if name in LISTS else "give it once"
