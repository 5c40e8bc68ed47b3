"""Flat rows in the format that was asked for: JSON with a link to what follows, JSON lines, or CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TextIO

from fastapi import Response

from service.schemas.base import ResponseModel

Format = Literal["json", "ndjson", "csv"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that spreadsheets would run."""


class Page(Protocol):
    """Rows, and the link to what follows them."""

    @property
    def items(self) -> Sequence[ResponseModel]: ...
    @property
    def next(self) -> str | None: ...


def represent(page: Page, row: type[ResponseModel], wanted: Format, response: Response) -> Response:
    """The page itself as JSON, else its rows; the link goes into a header in any case."""
    link(response, page.next)
    if wanted == "json":
        return as_json(page, response.headers)
    content = json_lines(page.items) if wanted == "ndjson" else csv_table(row, page.items)
    return Response(content, headers=dict(response.headers), media_type=MEDIA_TYPES[wanted])


def as_json(answer: Any, headers: Mapping[str, str]) -> Response:
    """An answer as FastAPI would write it, but at once, in the thread that made it: FastAPI takes another one to
    check that the answer is what it is declared to be.
    """
    content = answer.model_dump_json(by_alias=True)
    return Response(content, headers=dict(headers), media_type="application/json")


def link(response: Response, following: str | None) -> None:
    """Say in a header where a collection goes on (RFC 8288)."""
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'


def json_lines(rows: Iterable[ResponseModel]) -> str:
    """A JSON object on each line."""
    return "".join(f"{row.model_dump_json(by_alias=True)}\n" for row in rows)


def csv_table(row: type[ResponseModel], rows: Iterable[ResponseModel]) -> str:
    """RFC 4180, with a header. What is null is empty; text that a spreadsheet would run is quoted with '."""
    written = io.StringIO()
    write_csv(written, row, rows)
    return written.getvalue()


def csv_rows(rows: Iterable[ResponseModel]) -> str:
    """The same without the header."""
    written = io.StringIO()
    _write_rows(written, rows)
    return written.getvalue()


def write_csv(file: TextIO, row: type[ResponseModel], rows: Iterable[ResponseModel]) -> None:
    """The same into a file, row by row."""
    csv.writer(file).writerow(field.serialization_alias or name for name, field in row.model_fields.items())
    _write_rows(file, rows)


def _write_rows(file: TextIO, rows: Iterable[ResponseModel]) -> None:
    csv.writer(file).writerows(map(_cell, each.model_dump(mode="json").values()) for each in rows)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
