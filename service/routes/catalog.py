"""The catalogue of everything that a spec can name."""

from functools import cache

from fastapi import APIRouter

from service.openapi import problems
from service.security import allow
from service.strict import InvalidQuery, StrictRoute
from workers import catalog

router = APIRouter(tags=["catalog"], dependencies=[allow("read")], route_class=StrictRoute)


@router.get(
    "/catalog",
    operation_id="read_catalog",
    summary="Everything that a spec can name",
    responses=problems(InvalidQuery),
)
def read_catalog() -> dict[str, list[catalog.Variant]]:
    """Every loss, optimizer, balancing, ...: its formula, its source, and its fields with defaults and ranges."""
    return _catalog()


_catalog = cache(catalog.catalog)
