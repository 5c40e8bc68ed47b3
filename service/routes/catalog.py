"""The catalogue: everything that a spec can name."""

from functools import cache

from fastapi import APIRouter

from service.api.auth.authorization import allow
from service.api.openapi.responses import problems
from service.api.routing.strict_route import StrictRoute
from service.http.query import InvalidQuery
from workers import catalog

router = APIRouter(tags=["catalog"], dependencies=[allow("read")], route_class=StrictRoute)


@router.get(
    "/catalog",
    operation_id="read_catalog",
    summary="List everything that a spec can name",
    responses=problems(InvalidQuery),
)
def read_catalog() -> dict[str, list[catalog.Variant]]:
    """List every loss, optimizer, balancing and so on, with formula, source, oracle, fields, defaults and ranges."""
    return _catalog()


_catalog = cache(catalog.catalog)
