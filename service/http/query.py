"""Query strings: every parameter is known, and given once."""

from difflib import get_close_matches

from starlette.datastructures import QueryParams


class InvalidQuery(ValueError):
    """A query parameter is not known, or given more often than once."""

    def __init__(self, name: str, value: str, message: str) -> None:
        self.name, self.value, self.message = name, value, message
        super().__init__(f"{name}: {message}")


def check(query: QueryParams, known: list[str]) -> None:
    """Raise InvalidQuery where a parameter is unknown, naming the nearest, or given twice."""
    given = query.multi_items()
    names = [name for name, _ in given]
    for name, value in given:
        if name not in known:
            near = get_close_matches(name[:100], known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            right = f"it is one of {', '.join(known)}" if known else "none is known here"
            raise InvalidQuery(name, value, f"unknown query parameter; {hint}{right}")
        if names.count(name) > 1:
            raise InvalidQuery(name, value, "is given more than once")
