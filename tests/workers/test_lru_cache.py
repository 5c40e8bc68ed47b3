"""The LRU cache drops the least recently used values once all together are larger than its capacity, or idle."""

import pytest

from workers.lru_cache import LruCache


def filled(cache: LruCache[int, str], values: dict[int, str]) -> LruCache[int, str]:
    for key, value in values.items():
        cache.put(key, value)
    return cache


def keys(cache: LruCache[int, str]) -> list[int]:
    return [key for key in range(10) if cache.get(key) is not None]


def test_the_least_recently_used_value_is_dropped_first() -> None:
    cache = filled(LruCache(3), {0: "a", 1: "b", 2: "c"})
    assert cache.get(0) == "a"
    cache.put(3, "d")
    assert keys(cache) == [0, 2, 3]


def test_a_value_replaces_the_one_before_and_counts_once() -> None:
    cache = filled(LruCache(3), {0: "a", 1: "b"})
    for _ in range(9):
        cache.put(0, "A")
    assert (keys(cache), cache.get(0)) == ([0, 1], "A")


def test_values_count_by_their_size() -> None:
    cache = filled(LruCache(6, size_of=len), {0: "abc", 1: "abc", 2: "a"})
    assert keys(cache) == [1, 2]
    cache.put(1, "abcde")
    assert keys(cache) == [1, 2]
    cache.remove(1)
    assert keys(filled(cache, {3: "abcde"})) == [2, 3]


def test_a_value_larger_than_the_capacity_is_not_kept() -> None:
    cache = filled(LruCache(2, size_of=len), {0: "a", 1: "abc"})
    assert keys(cache) == []
    cache.remove(7)
    assert keys(filled(cache, {2: "ab"})) == [2]


def test_a_value_that_was_not_used_for_a_while_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("workers.lru_cache.time.monotonic", lambda: now)
    cache = filled(LruCache(9, size_of=len, idle_seconds=60), {0: "abc", 1: "abc", 2: "abc"})
    now = 50.0
    assert cache.get(0) == "abc"
    now = 70.0
    assert keys(cache) == [0]
    assert keys(filled(cache, {3: "abc", 4: "abc"})) == [0, 3, 4]  # the others take no room
    now = 200.0
    assert keys(cache) == []
