"""Query strings: a parameter that is unknown or given twice is refused with what would be right."""

import re

import pytest
from starlette.datastructures import QueryParams

from service.http.query import InvalidQuery, check


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("where=mcc>0.3&where=accuracy>0.5", "is given more than once; write where=mcc>0.3,accuracy>0.5"),
        ("limit=1&limit=2", "is given more than once; give it once"),
        ("limt=1", "unknown query parameter; did you mean 'limit'? it is one of where, limit"),
    ],
)
def test_the_message_says_what_would_be_right(query: str, message: str) -> None:
    with pytest.raises(InvalidQuery, match=f": {re.escape(message)}$"):
        check(QueryParams(query), ["where", "limit"])


def test_known_parameters_pass() -> None:
    check(QueryParams("where=mcc>0.3&limit=2"), ["where", "limit"])
