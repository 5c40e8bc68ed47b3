import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workers.data.dataset import Dataset
from workers.data.imbalance import Imbalance
from workers.data.prepared_splits import (
    open_split,
    read_part,
    read_rows,
    remove_unused,
    split_key,
    write_split,
)
from workers.data.row_digests import row_digests
from workers.data.split_rows import SplitRows, split_rows
from workers.data.splits import OfficialSplit, RatioSplit, Split

LABELS = np.repeat([0, 1, 2], 40)
NUMBERED = Dataset(
    "numbered",
    np.arange(120, dtype=np.float32)[:, np.newaxis] * np.ones(3, np.float32),
    LABELS,
    ("a", "b", "c"),
)
"""Every feature of a row is its number, so that rows on disk can be identified."""


def rows_of(split: Split, imbalance: Imbalance | None) -> SplitRows:
    return split_rows(LABELS, row_digests(NUMBERED), NUMBERED.classes, split, imbalance)


@pytest.mark.parametrize("imbalance", [None, Imbalance(ratio=4), Imbalance(ratio=4, parts="all")])
def test_no_held_back_row_is_on_disk_and_none_is_lost(tmp_path: Path, imbalance: Imbalance | None) -> None:
    split = RatioSplit(seed=2)
    rows = rows_of(split, imbalance)
    write_split(NUMBERED, rows, tmp_path / "parts")
    test = NUMBERED.take(rows.test).features[:, 0].astype(int)
    train, validation = (
        read_part(tmp_path / "parts", part).features[:, 0].astype(int) for part in ("train", "validation")
    )

    assert np.array_equal(train, rows.train)
    assert np.array_equal(validation, rows.validation)
    assert np.array_equal(read_rows(tmp_path / "parts", "train"), rows.train)
    assert np.array_equal(read_rows(tmp_path / "parts", "validation"), rows.validation)
    assert np.array_equal(test, rows.test)
    assert not set(test) & (set(train) | set(validation))
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert NUMBERED.features[train[0]].tobytes() in stored
    assert not any(NUMBERED.features[row].tobytes() in stored for row in test)


def test_a_prepared_split_is_opened_with_the_counts_of_every_part(tmp_path: Path) -> None:
    assert open_split(tmp_path / "parts") is None
    rows = rows_of(RatioSplit(), Imbalance(ratio=4))
    written = write_split(NUMBERED, rows, tmp_path / "parts")
    assert open_split(tmp_path / "parts") == written
    assert written.counts == {"train": [28, 28, 7], "validation": [8, 8, 8], "test": [4, 4, 4]}
    train = written.read("train")
    assert train.counts.tolist() == written.counts["train"]
    assert isinstance(train.features.base, np.memmap)


def test_the_test_rows_are_the_same_whatever_the_training_part_was_thinned_by() -> None:
    hashes = {rows_of(RatioSplit(), Imbalance(ratio=ratio)).test.tobytes() for ratio in (1, 2, 30)}
    assert len(hashes) == 1


def test_anything_that_moves_a_row_changes_the_key() -> None:
    split = RatioSplit()
    different: list[tuple[str, Split, Imbalance | None]] = [
        ("a", split, None),
        ("b", split, None),
        ("a", replace(split, seed=1), None),
        ("a", replace(split, stratify=False), None),
        ("a", replace(split, version=1), None),
        ("a", replace(split, groups="duplicates"), None),
        ("a", RatioSplit(train=0.8, validation=0.2, test=0.0), None),
        ("a", OfficialSplit(), None),
        ("a", split, Imbalance()),
        ("a", split, Imbalance(ratio=11)),
        ("a", split, Imbalance(kind="exponential")),
        ("a", split, Imbalance(parts="all")),
    ]
    assert len({split_key(*arguments) for arguments in different}) == len(different)
    assert split_key("a", RatioSplit(), Imbalance()) == split_key("a", RatioSplit(), Imbalance())


def test_splits_that_nobody_has_used_for_long_are_removed_and_what_is_mapped_stays(tmp_path: Path) -> None:
    split = RatioSplit(seed=2)
    for name in ("used", "unused"):
        write_split(NUMBERED, rows_of(split, None), tmp_path / "sha256" / name)
    train = read_part(tmp_path / "sha256" / "unused", "train").features
    os.utime(tmp_path / "sha256" / "unused", (0, 0))
    assert remove_unused(tmp_path, seconds=3600) == 1
    assert [each.name for each in (tmp_path / "sha256").iterdir()] == ["used"]
    assert np.array_equal(train[:, 0].astype(int), rows_of(split, None).train)
