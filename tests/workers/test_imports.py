"""Imports without garbage collections."""

import gc

from workers.imports import without_collections


def test_nothing_is_collected_within_the_context_and_what_it_made_is_left_out_later() -> None:
    frozen = gc.get_freeze_count()
    with without_collections():
        assert not gc.isenabled()
        made = [[index] for index in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)
