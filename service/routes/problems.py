"""The kinds of problems: the pages that the `type` of a problem leads to."""

import inspect
from typing import Annotated

from fastapi import APIRouter, Path

from service.api.auth.authorization import PUBLIC
from service.api.errors.problems import PROBLEM_TYPES
from service.api.openapi.responses import problems
from service.api.routing.strict_route import StrictRoute
from service.http.query import InvalidQuery
from service.schemas.problem import ProblemKind, ProblemKinds
from workers.tagged_union import OneOf

router = APIRouter(prefix="/problems", tags=["operation"], dependencies=[PUBLIC], route_class=StrictRoute)

MEANINGS = {
    each.name: ProblemKind(
        type=each.uri, title=each.title, status=each.status, meaning=inspect.getdoc(error) or ""
    )
    for error, each in PROBLEM_TYPES.items()
}


@router.get(
    "",
    operation_id="list_problems",
    summary="List the kinds of problems",
    responses=problems(InvalidQuery),
)
def list_problems() -> ProblemKinds:
    """List every `type` of problem. Unknown paths and methods have the type about:blank."""
    return ProblemKinds(items=list(MEANINGS.values()))


@router.get(
    "/{name}", operation_id="read_problem", summary="Read a kind of problem", responses=problems(InvalidQuery)
)
def read_problem(
    name: Annotated[str, OneOf(MEANINGS), Path(description="The last part of the type.")],
) -> ProblemKind:
    """Read what a problem means. The `type` of a problem is the address of this page."""
    return MEANINGS[name]
