import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.bodies import MalformedJSON, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    # every character that UTF-8 can encode, but NUL
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner)
    ),
)


@given(JSON, st.booleans())
def test_whatever_is_json_is_read_as_it_was_written(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,\n "b" 2}', "line 2, column 6"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "1e999"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' is given twice"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\ude00": 1}', "surrogate"),
        (b'[["\\u0000"]]', "NUL"),
        (b'{"a": "\x00"}', "not JSON"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (json.dumps({}).encode("utf-16"), "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 10_000, "10,000 digits"),
    ],
)
def test_what_leaves_something_to_guess_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(MalformedJSON, match=says):
        parse(content)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_json_has_one_kind_of_numbers() -> None:
    """In JSON Schema too, 20.0 is an integer."""
    whole = [parse(text) for text in (b"20.0", b"2e1", b"-3.0")]
    assert [(value, type(value)) for value in whole] == [(20, int), (20, int), (-3, int)]
    assert [type(parse(text)) for text in (b"0.5", b"1e300")] == [float, float]
