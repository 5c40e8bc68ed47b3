"""Content negotiation: qualities, ranges, and headers that say nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.accept import preferred

JSON, LINES, CSV = OFFERED = ("application/json", "application/x-ndjson", "text/csv")
CASES = {
    "": JSON,
    "*/*": JSON,
    "text/csv": CSV,
    "TEXT/CSV": CSV,
    "text/*": CSV,
    "application/*": JSON,
    "application/x-ndjson, */*": LINES,
    "text/csv, application/json": JSON,
    "text/csv;q=0.9, application/json;q=0.8": CSV,
    "text/csv; q=0.1, */*": JSON,
    "application/json;q=0, */*;q=0.1": LINES,
    "text/*;q=0.2, text/csv;q=0.9, application/json;q=0.5": CSV,
    "application/json, text/plain, */*": JSON,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": JSON,
    "image/png": JSON,
    "text/csv;header=present": CSV,
    "text/csv;q=nonsense": CSV,
    "*/*;q=0": JSON,
    ",;,": JSON,
}


@pytest.mark.parametrize(("accept", "expected"), CASES.items())
def test_the_best_of_what_is_offered_is_chosen(accept: str, expected: str) -> None:
    assert preferred(accept, OFFERED) == expected


@given(st.text(alphabet="*/;,=q0.19 acstvexjnd"))
def test_whatever_is_sent_one_of_them_is_chosen(accept: str) -> None:
    assert preferred(accept, OFFERED) in OFFERED
