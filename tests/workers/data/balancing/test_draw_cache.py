"""The cache of draws: what it keeps, what it draws again, and that what it returns cannot be changed."""

import numpy as np
import pytest

from workers.data.balancing.balancing import Draw
from workers.data.balancing.draw_cache import MOST_BYTES, SMALL_BYTES, DrawCache


class Drawing:
    """Draws rows of some bytes, and counts how often."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes, self.times = nbytes, 0

    def __call__(self) -> Draw:
        self.times += 1
        return Draw(np.full(self.nbytes // 8, self.times))


def test_what_was_drawn_under_a_key_is_drawn_once() -> None:
    cache, first, other = DrawCache(), Drawing(80), Drawing(80)
    draw = cache.get(("seed 0", 1), first)
    assert cache.get(("seed 0", 1), first) is draw
    assert cache.get(("seed 0", 2), other) is not draw
    assert (first.times, other.times) == (1, 1)


def test_nobody_changes_what_others_will_train_on() -> None:
    draw = DrawCache().get("key", Drawing(80))
    with pytest.raises(ValueError, match="read-only"):
        draw.rows[0] = 7


def test_large_draws_are_not_kept() -> None:
    cache, large = DrawCache(), Drawing(SMALL_BYTES + 8)
    assert [cache.get("key", large).rows[0] for _ in range(2)] == [1, 2]
    assert cache.get("key", large).rows.flags.writeable


def test_the_oldest_draws_make_room_for_new_ones() -> None:
    cache, drawing = DrawCache(), Drawing(SMALL_BYTES)
    fitting = MOST_BYTES // SMALL_BYTES
    for key in range(fitting + 1):
        cache.get(key, drawing)
    cache.get(fitting, drawing)
    assert drawing.times == fitting + 1
    cache.get(0, drawing)
    assert drawing.times == fitting + 2
