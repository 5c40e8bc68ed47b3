"""Exports: all rows of a query as CSV or JSON lines, read and sent page by page.

An export uses the memory of one page, however slow its client is, and a thread only while it reads a page.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import partial

from fastapi import Request
from fastapi.responses import StreamingResponse

from service.api.thread_limiters import ThreadLimiter
from service.schemas.base import ResponseModel
from service.schemas.csv import csv_rows, csv_table
from service.schemas.formats import MEDIA_TYPES, Format, json_lines

Pages = Iterator[Iterable[ResponseModel]]


def export(
    request: Request, pages: Pages, row: type[ResponseModel], wanted: Format, headers: Mapping[str, str]
) -> StreamingResponse:
    """The response that sends the pages, each once the client has read the one before."""
    texts = map(json_lines, pages) if wanted == "ndjson" else _csv(pages, row)
    content = _stream(texts, request.app.state.limiters["exports"])
    return StreamingResponse(content, headers=dict(headers), media_type=MEDIA_TYPES[wanted])


def _csv(pages: Pages, row: type[ResponseModel]) -> Iterator[str]:
    yield csv_table(row, next(pages, ()))
    yield from map(csv_rows, pages)


async def _stream(texts: Iterator[str], threads: ThreadLimiter) -> AsyncIterator[bytes]:
    while (text := await threads.run(partial(next, texts, None))) is not None:
        yield text.encode()
