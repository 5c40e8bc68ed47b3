"""The format of rows in a response: the one that the parameter `format` names, else the one that Accept prefers."""

from typing import Annotated, cast, get_args

from fastapi import Depends, Request
from starlette.datastructures import Headers

from service.http.accept import preferred
from service.http.conditional import PreconditionDep
from service.schemas.formats import MEDIA_TYPES, Format

OFFERED = {media_type.partition(";")[0]: name for name, media_type in MEDIA_TYPES.items()}


def accepted(accept: str) -> Format:
    """The format that Accept prefers: JSON if it has no preference, or none of the formats is acceptable."""
    return OFFERED[preferred(accept, tuple(OFFERED))]


def accept_of(headers: Headers) -> str:
    """The header Accept, which may be sent in several lines."""
    return ",".join(headers.getlist("accept"))


async def _wanted(request: Request, precondition: PreconditionDep) -> Format:
    given = request.query_params.get("format")
    if given in get_args(Format):
        return cast("Format", given)
    wanted = accepted(accept_of(request.headers))
    precondition.vary("Accept", wanted)
    return wanted


Wanted = Annotated[Format, Depends(_wanted)]
"""The format of a route that has several. It has to be resolved before an etag is compared."""
