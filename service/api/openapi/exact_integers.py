"""Bounds of whole numbers, written exactly.

Pydantic writes `lt=2**63` as 9.223372036854776e+18, which in decimal is 192 more than what is taken.
"""

from typing import Any

BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
LARGEST_WHOLE = 2**63


def with_exact_bounds(schema: Any) -> Any:
    """The schema, or the document, with every bound that is a whole number written as one."""
    if isinstance(schema, list):
        return [with_exact_bounds(each) for each in schema]
    if isinstance(schema, dict):
        return {
            key: _exact(value) if key in BOUNDS else with_exact_bounds(value) for key, value in schema.items()
        }
    return schema


def _exact(bound: Any) -> Any:
    is_whole = isinstance(bound, float) and bound.is_integer() and abs(bound) <= LARGEST_WHOLE
    return int(bound) if is_whole else with_exact_bounds(bound)
