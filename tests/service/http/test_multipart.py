import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.multipart import LONGEST_HEADERS, MalformedForm, Multipart, NotAForm, Part

TYPE = "multipart/form-data; boundary=limit"
ONE = b'--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n--limit--\r\n'
# What could be taken for a boundary, or for the end of one.
CONTENTS = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--", b"\r\n--limi", b"\0", b"x"]), max_size=12
).map(b"".join)


def parts(body: bytes, sizes: list[int], content_type: str = TYPE) -> tuple[list[tuple[str, bytes]], bool]:
    """Every part with its content, of a body that arrives in pieces of these sizes, over and over."""
    parser, found, place, turn = Multipart(content_type), [], 0, 0
    while place < len(body):
        size = sizes[turn % len(sizes)]
        for event in parser.feed(body[place : place + size]):
            if isinstance(event, Part):
                found.append((event.name, b""))
            else:
                name, content = found.pop()
                found.append((name, content + event))
        place, turn = place + size, turn + 1
    return found, parser.is_over


@given(
    st.lists(st.tuples(st.sampled_from(["name", "file", "label", "x y"]), CONTENTS), max_size=4),
    st.lists(st.integers(1, 50), min_size=1, max_size=4),
)
def test_what_httpx_sends_is_read_however_it_is_cut(given: list[tuple[str, bytes]], sizes: list[int]) -> None:
    files = [(name, ("../../etc/passwd", content)) for name, content in [*given, ("last", b"")]]
    request = httpx2.Request("POST", "http://x", files=files, headers={"Content-Type": TYPE})
    assert parts(request.read(), sizes) == ([*given, ("last", b"")], True)


def test_what_stands_before_and_after_is_ignored() -> None:
    assert parts(b"preamble\r\n" + ONE + b"epilogue\r\n--limit\r\n" * 1000, [7]) == ([("a", b"one")], True)


def test_a_boundary_may_be_quoted() -> None:
    assert parts(ONE, [1], 'Multipart/Form-Data; charset=utf-8; boundary="limit"')[0] == [("a", b"one")]


@pytest.mark.parametrize("length", range(len(ONE) - 4))
def test_a_form_that_is_cut_off_is_not_over(length: int) -> None:
    assert not parts(ONE[:length], [100])[1]


@pytest.mark.parametrize(
    "given", [None, "", "text/csv", "application/json", "multipart/mixed; boundary=x", "\xff"]
)
def test_what_is_no_form_is_refused(given: str | None) -> None:
    with pytest.raises(NotAForm, match="curl: use -F"):
        Multipart(given)


@pytest.mark.parametrize(
    "boundary", ["", "; boundary", "; boundary=", "; boundary=" + "x" * 71, "; boundary=\xe4"]
)
def test_a_form_needs_a_boundary(boundary: str) -> None:
    with pytest.raises(MalformedForm, match="names no boundary"):
        Multipart(f"multipart/form-data{boundary}")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"--limitless\r\n", "neither a line break nor two hyphens"),
        (b"--limit\r\n\r\n\r\ncontent\r\n--limit--", "has no name"),
        (b"--limit\r\nContent-Disposition: form-data\r\n\r\n", "has no name"),
        (b"--limit\r\nContent-Disposition: form-data; name*=utf-8''a\r\n\r\n", "has no name"),
        (b"--limit\r\n" + b"X: y\r\n" * LONGEST_HEADERS, "longer than 8,192 bytes"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(MalformedForm, match=says):
        parts(body, [1000])


def test_a_part_is_never_held_whole() -> None:
    parser = Multipart(TYPE)
    body = iter(parser.feed(ONE[: ONE.index(b"one")]))
    assert list(body) == [Part("a")]
    for _ in range(100):
        assert sum(len(event) for event in parser.feed(bytes(10_000)) if isinstance(event, bytes)) > 9_000
        assert len(parser._buffer) < 20
