from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import DTypeLike

from workers.data import dataset_files
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.dataset_files import atomic_folder, drop_pages, open_dataset, save_dataset, write_atomically


def dataset(dtype: DTypeLike = np.uint8) -> Dataset:
    stream = np.random.default_rng(0)
    features = stream.integers(256, size=(50, 12)).astype(dtype)
    return Dataset("small", features, stream.integers(3, size=50), ("a", "b", "ü"), (4, 3, 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_a_saved_data_set_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: DTypeLike, chunk: int
) -> None:
    monkeypatch.setattr(dataset_files, "CHUNK_BYTES", chunk)
    saved = dataset(dtype=dtype)
    save_dataset(saved, tmp_path / "saved")
    opened = open_dataset(tmp_path / "saved")
    assert opened.sha256 == saved.sha256
    assert (opened.name, opened.classes, opened.shape) == (saved.name, saved.classes, saved.shape)


def test_rows_are_saved_in_their_order(tmp_path: Path) -> None:
    saved, rows = dataset(), np.array([7, 3, 3, 40])
    save_dataset(saved, tmp_path / "saved", rows)
    assert open_dataset(tmp_path / "saved").sha256 == saved.take(rows).sha256


def test_columns_and_targets_are_saved_and_opened_again(tmp_path: Path) -> None:
    columns = (*(Column(f"number {i}") for i in range(11)), Column("size", "category", ("small", "ü")))
    targets = np.linspace(-1, 1, 50)
    saved = replace(dataset(), columns=columns, targets=targets)
    save_dataset(saved, tmp_path / "saved", np.array([7, 3, 40]))
    opened = open_dataset(tmp_path / "saved")
    assert opened.columns == columns
    assert opened.targets is not None
    assert opened.targets.tolist() == targets[[7, 3, 40]].tolist()
    assert opened.sha256 == saved.take(np.array([7, 3, 40])).sha256


def test_no_rows_at_all_are_a_data_set_too(tmp_path: Path) -> None:
    save_dataset(dataset(), tmp_path / "saved", np.array([], np.int64))
    assert open_dataset(tmp_path / "saved").features.shape == (0, 12)


def test_features_are_mapped_and_read_only(tmp_path: Path) -> None:
    save_dataset(dataset(), tmp_path / "saved")
    features = open_dataset(tmp_path / "saved").features
    assert isinstance(features.base, np.memmap)
    assert not features.flags.writeable


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    save_dataset(dataset(), tmp_path / "saved")
    path = tmp_path / "saved" / "features.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="mmap length"):
        open_dataset(tmp_path / "saved")


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "target"
    with atomic_folder(target) as draft:
        (draft / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"), atomic_folder(tmp_path / "target") as draft:  # noqa: PT012
        (draft / "file").write_text("half of it")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_of_two_writers_the_first_wins(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with atomic_folder(target) as late:
        (late / "file").write_text("late")
        with atomic_folder(target) as first:
            (first / "file").write_text("first")
    assert (target / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_text_is_replaced_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "text"
    write_atomically(target, "old")
    write_atomically(target, "new")
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["text"]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="asks Linux what is in memory")
def test_dropped_pages_leave_the_memory_of_the_process_and_can_be_read_again(tmp_path: Path) -> None:
    features = np.random.default_rng(0).integers(256, size=(4000, 1000), dtype=np.uint8)
    save_dataset(Dataset("large", features, np.zeros(4000, np.int64), ("a",)), tmp_path / "large")
    opened = open_dataset(tmp_path / "large")
    before = opened.features.sum()
    assert resident_kilobytes(tmp_path / "large" / "features.npy") > 3900
    drop_pages(opened)
    assert resident_kilobytes(tmp_path / "large" / "features.npy") == 0
    assert opened.features.sum() == before


def test_dropping_the_pages_of_an_array_in_memory_changes_nothing() -> None:
    read = dataset()
    drop_pages(read)
    assert read.sha256 == dataset().sha256


def resident_kilobytes(path: Path) -> int:
    """The resident memory of a file that is mapped into this process."""
    lines = Path("/proc/self/smaps").read_text().partition(str(path))[2].splitlines()
    return int(next(line for line in lines if line.startswith("Rss:")).split()[1])
