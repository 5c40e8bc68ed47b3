"""Represent flat rows in the requested format: JSON with a link to the next page, JSON lines, or CSV."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from fastapi import Response

from service.schemas.base import ResponseModel
from service.schemas.csv import csv_table

Format = Literal["json", "ndjson", "csv"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}


class RowsPage(Protocol):
    """A page of rows with the link to the next page."""

    @property
    def items(self) -> Sequence[ResponseModel]: ...
    @property
    def next(self) -> str | None: ...


def represent(page: RowsPage, row: type[ResponseModel], wanted: Format, response: Response) -> Response:
    """The page itself as JSON, or only its rows in another format. A header has the link in any case."""
    link(response, page.next)
    if wanted == "json":
        return as_json(page, response.headers)
    content = json_lines(page.items) if wanted == "ndjson" else csv_table(row, page.items)
    return Response(content, headers=dict(response.headers), media_type=MEDIA_TYPES[wanted])


def as_json(model: Any, headers: Mapping[str, str]) -> Response:
    """The response that FastAPI would make of a response model, but made at once, in the present thread.

    FastAPI would take another thread to check that the model has the declared type.
    """
    content = model.model_dump_json(by_alias=True)
    return Response(content, headers=dict(headers), media_type="application/json")


def link(response: Response, following: str | None) -> None:
    """Add a header with the link to the next page (RFC 8288), if there is one."""
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'


def json_lines(rows: Iterable[ResponseModel]) -> str:
    """One JSON object per line."""
    return "".join(f"{row.model_dump_json(by_alias=True)}\n" for row in rows)
