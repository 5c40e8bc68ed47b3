"""Prepared folds: the rows of a fold as another process reads them, without a copy for each fold."""

import os
from pathlib import Path

import numpy as np
import pytest

from workers.data.prepared_splits import has_evaluation_part, read_part, read_rows
from workers.data.registry import DatasetRegistry
from workers.data.sources import Bundled
from workers.data.splits import CrossValidation, RatioSplit

SPLIT = CrossValidation(folds=3, repeats=2, test=0.2)
DIGITS = Bundled(name="digits")


@pytest.fixture
def registry(tmp_path: Path) -> DatasetRegistry:
    return DatasetRegistry(tmp_path)


def test_every_part_of_a_fold_has_its_rows(registry: DatasetRegistry) -> None:
    dataset = registry.load(DIGITS)
    for fold in SPLIT.all_folds:
        rows = registry.split_rows(DIGITS, SPLIT, fold)
        prepared = registry.prepare_split(DIGITS, SPLIT, fold)
        assert has_evaluation_part(prepared.folder)
        for part, indices in (
            ("train", rows.train),
            ("validation", rows.validation),
            ("evaluation", rows.evaluation),
        ):
            read = read_part(prepared.folder, part)  # type: ignore[arg-type]
            assert np.array_equal(read.features, dataset.features[indices])
            assert np.array_equal(read.labels, dataset.labels[indices])
            assert np.array_equal(read_rows(prepared.folder, part), indices)  # type: ignore[arg-type]
        assert prepared.counts == registry.split_counts(DIGITS, SPLIT, fold)
        assert registry.prepare_split(DIGITS, SPLIT, fold) == prepared


def test_all_folds_share_one_copy_of_the_rows_and_no_file_has_a_test_row(
    registry: DatasetRegistry, tmp_path: Path
) -> None:
    folders = {registry.prepare_split(DIGITS, SPLIT, fold).folder for fold in SPLIT.all_folds}
    files = list((tmp_path / "parts").rglob("features.npy"))
    assert len(folders) == 6
    assert len(files) == 1
    test = {row.tobytes() for row in registry.test_part(DIGITS, SPLIT).features}
    assert not test & {row.tobytes() for row in np.load(files[0])}


def test_another_split_has_no_evaluation_part(registry: DatasetRegistry) -> None:
    prepared = registry.prepare_split(DIGITS, RatioSplit())
    assert not has_evaluation_part(prepared.folder)
    assert "evaluation" not in prepared.counts


def test_a_fold_that_is_used_keeps_the_open_rows_that_it_needs(registry: DatasetRegistry) -> None:
    used, unused = (registry.prepare_split(DIGITS, SPLIT, fold) for fold in list(SPLIT.all_folds)[:2])
    for folder in used.folder.parent.iterdir():
        os.utime(folder, (0, 0))
    used = registry.prepare_split(DIGITS, SPLIT, next(iter(SPLIT.all_folds)))
    assert registry.remove_unused_splits(seconds=3600) == 1
    assert not unused.folder.exists()
    assert len(used.read("train"))
