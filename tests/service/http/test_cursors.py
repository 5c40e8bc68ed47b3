"""Cursors come back as they were given out, or not at all."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from service.http import cursors
from service.http.cursors import InvalidCursor, decode, encode

ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
POSITION = [[0, 7, "validation"], [1, 6, "train"]]


@pytest.fixture(autouse=True)
def key() -> Iterator[None]:
    token = cursors.KEY.set(b"one")
    yield
    cursors.KEY.reset(token)


@pytest.mark.parametrize("position", [1, 2**62, POSITION])
def test_a_position_comes_back(position: Any) -> None:
    assert decode(encode(position), ANYTHING) == position


def test_no_bit_of_it_can_be_changed() -> None:
    cursor = encode(POSITION)
    signed = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for bit in range(8 * len(signed)):
        signed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidCursor):
            decode(base64.urlsafe_b64encode(signed).decode().rstrip("="), ANYTHING)
        signed[bit // 8] ^= 1 << bit % 8


@given(st.text(max_size=60))
def test_what_was_not_given_out_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        decode(text, ANYTHING)


def test_another_service_has_other_cursors() -> None:
    cursor = encode(POSITION)
    cursors.KEY.set(b"two")
    with pytest.raises(InvalidCursor):
        decode(cursor, ANYTHING)


def test_a_cursor_of_one_list_is_none_of_another() -> None:
    with pytest.raises(InvalidCursor):
        decode(encode(POSITION), TypeAdapter(int))
