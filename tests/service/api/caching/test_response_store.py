"""The shelf keeps so many bytes, and lets go what was unused for longest."""

from service.api.caching.response_store import OVERHEAD_BYTES, CachedResponse, ResponseStore

FOUR = 4 * (OVERHEAD_BYTES + 10)


def answer(body: bytes | None = b"0123456789") -> CachedResponse:
    return CachedResponse(1, None, [(b"etag", b'W/"x"')], body)


def address(number: int) -> tuple[str, bytes, str]:
    return f"/{number}", b"", "json"


def kept(shelf: ResponseStore) -> list[int]:
    return [number for number in range(10) if shelf.get(address(number))]


def test_what_was_unused_for_longest_goes_first() -> None:
    shelf = ResponseStore(most_bytes=FOUR)
    for number in range(4):
        shelf.put(address(number), answer())
    shelf.get(address(0))
    shelf.put(address(4), answer())
    assert kept(shelf) == [0, 2, 3, 4]


def test_an_answer_takes_the_place_of_the_one_before() -> None:
    shelf = ResponseStore(most_bytes=FOUR)
    for _ in range(10):
        shelf.put(address(0), answer())
    for number in range(1, 4):
        shelf.put(address(number), answer())
    assert kept(shelf) == [0, 1, 2, 3]


def test_one_that_is_too_large_is_not_kept_and_neither_is_what_it_replaces() -> None:
    shelf = ResponseStore(most_bytes=FOUR, largest_bytes=OVERHEAD_BYTES + 10)
    shelf.put(address(0), answer())
    shelf.put(address(0), answer(b"01234567890"))
    assert kept(shelf) == []
