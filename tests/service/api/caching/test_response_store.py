"""The response store is limited in bytes, and drops the least recently used responses first."""

from service.api.caching.response_store import OVERHEAD_BYTES, CachedResponse, ResponseStore

FOUR = 4 * (OVERHEAD_BYTES + 10)


def response(body: bytes | None = b"0123456789") -> CachedResponse:
    return CachedResponse(1, None, [(b"etag", b'W/"x"')], body)


def cache_key(number: int) -> tuple[str, bytes, str]:
    return f"/{number}", b"", "json"


def stored(store: ResponseStore) -> list[int]:
    return [number for number in range(10) if store.get(cache_key(number))]


def test_the_least_recently_used_response_is_dropped_first() -> None:
    store = ResponseStore(most_bytes=FOUR)
    for number in range(4):
        store.put(cache_key(number), response())
    store.get(cache_key(0))
    store.put(cache_key(4), response())
    assert stored(store) == [0, 2, 3, 4]


def test_a_response_takes_the_place_of_the_one_before() -> None:
    store = ResponseStore(most_bytes=FOUR)
    for _ in range(10):
        store.put(cache_key(0), response())
    for number in range(1, 4):
        store.put(cache_key(number), response())
    assert stored(store) == [0, 1, 2, 3]


def test_one_that_is_too_large_is_not_stored_and_neither_is_the_one_it_replaces() -> None:
    store = ResponseStore(most_bytes=FOUR, largest_bytes=OVERHEAD_BYTES + 10)
    store.put(cache_key(0), response())
    store.put(cache_key(0), response(b"01234567890"))
    assert stored(store) == []


def test_a_response_304_repeats_what_a_cache_needs_and_nothing_else() -> None:
    headers = [(b"etag", b'W/"x"'), (b"vary", b"Accept"), (b"content-type", b"text/csv"), (b"link", b"<>")]
    cached = CachedResponse(1, None, [*headers, (b"cache-control", b"private")], b"rows")
    assert cached.not_modified.status_code == 304
    assert dict(cached.not_modified.headers) == {
        "etag": 'W/"x"',
        "vary": "Accept",
        "cache-control": "private",
    }
