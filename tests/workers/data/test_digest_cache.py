from pathlib import Path

import numpy as np
import pytest

from workers.data import digest_cache
from workers.data.dataset import Dataset
from workers.data.digest_cache import DigestCache
from workers.data.row_digests import Digests, row_digests

DATA = Dataset("d", np.arange(60, dtype=np.uint8).reshape(20, 3), np.arange(20) % 2, ("a", "b"))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data sets whose digests were computed."""
    names: list[str] = []

    def counted(dataset: Dataset) -> Digests:
        names.append(dataset.name)
        return row_digests(dataset)

    monkeypatch.setattr(digest_cache, "row_digests", counted)
    return names


def test_digests_are_computed_once_for_all_processes(tmp_path: Path, computed: list[str]) -> None:
    expected = row_digests(DATA).tolist()
    one, other = DigestCache(), DigestCache()
    for cache in (one, one, other):
        assert cache.digests(DATA, tmp_path).tolist() == expected
    assert computed == ["d"]
    assert [path.name for path in tmp_path.iterdir()] == ["digests-1.npy"]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", "short"])
def test_a_damaged_file_is_replaced(tmp_path: Path, computed: list[str], content: bytes | str) -> None:
    file = tmp_path / "digests-1.npy"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, row_digests(DATA)[:5])
    for _ in range(2):
        assert DigestCache().digests(DATA, tmp_path).tolist() == row_digests(DATA).tolist()
    assert computed == ["d"]


def test_without_a_folder_nothing_is_written(tmp_path: Path, computed: list[str]) -> None:
    cache = DigestCache()
    for folder in (None, tmp_path / "deleted"):
        assert cache.digests(DATA, folder).tolist() == row_digests(DATA).tolist()
    assert computed == ["d"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_costs_only_time(
    tmp_path: Path, computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    for _ in range(2):
        assert DigestCache().digests(DATA, tmp_path).tolist() == row_digests(DATA).tolist()
    assert computed == ["d", "d"]
    assert list(tmp_path.iterdir()) == []
