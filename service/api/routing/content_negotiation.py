"""In which format rows are answered: the one that `format` names, else the one that the header `Accept` prefers."""

from typing import Annotated, cast, get_args

from fastapi import Depends, Request
from starlette.datastructures import Headers

from service.http.accept import preferred
from service.http.conditional import Known
from service.schemas.formats import MEDIA_TYPES, Format

OFFERED = {media_type.partition(";")[0]: name for name, media_type in MEDIA_TYPES.items()}


def accepted(accept: str) -> Format:
    """JSON where the client has no preference, or wants something else altogether."""
    return OFFERED[preferred(accept, tuple(OFFERED))]


def accept_of(headers: Headers) -> str:
    """The header, which may be sent in several lines."""
    return ",".join(headers.getlist("accept"))


async def _wanted(request: Request, known: Known) -> Format:
    given = request.query_params.get("format")
    if given in get_args(Format):
        return cast("Format", given)
    wanted = accepted(accept_of(request.headers))
    known.vary("Accept", wanted)
    return wanted


Wanted = Annotated[Format, Depends(_wanted)]
"""Of a route that answers rows in several formats. It has to be resolved before a tag is compared."""
