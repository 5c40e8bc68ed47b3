"""Print the answer of the service: as a report, or with --json as it is."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def print_answer(answer: Any, show: Callable[[Any], Any], *, as_json: bool) -> None:
    """Print an answer by `show`, or as JSON."""
    from service.cli.console import show_json

    (show_json if as_json else show)(answer)


def json_lines(texts: Iterable[str]) -> Iterator[str]:
    """The rows of a CSV, which comes in pieces, as JSON lines: all but labels are numbers, and nothing is null."""
    for row in csv.DictReader(_lines(texts)):
        yield (
            json.dumps({name: value if name == "label" else _number(value) for name, value in row.items()})
            + "\n"
        )


def _lines(texts: Iterable[str]) -> Iterator[str]:
    rest = ""
    for text in texts:
        *lines, rest = f"{rest}{text}".split("\n")
        yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest


def _number(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except json.JSONDecodeError:
        return text
