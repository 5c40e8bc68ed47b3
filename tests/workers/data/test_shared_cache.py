"""The shared cache between two machines, each with a data folder of its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.store.artifacts.blob_store import BlobStore
from tests.workers.data.idx_files import write_folder
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.dataset_files import open_dataset, save_dataset
from workers.data.errors import DatasetChanged, MalformedFile, UnknownDataset
from workers.data.registry import DatasetRegistry
from workers.data.shared_cache import SharedCache
from workers.data.sources import Bundled, Folder
from workers.data.splits import OfficialSplit, RatioSplit

MINE = Folder(name="mine")


@pytest.fixture
def files(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "shared"))


@pytest.fixture
def here(tmp_path: Path, files: BlobStore) -> DatasetRegistry:
    """The machine that has the data set."""
    write_folder(tmp_path / "here" / "datasets" / "mine", [0, 1] * 50, [1, 0, 1])
    return DatasetRegistry(tmp_path / "here", files)


@pytest.fixture
def there(tmp_path: Path, files: BlobStore) -> DatasetRegistry:
    """The machine without data sets of its own."""
    return DatasetRegistry(tmp_path / "there", files)


def pinned(registry: DatasetRegistry, source: Folder = MINE) -> Folder:
    return replace(source, sha256=registry.load(source).sha256)


def test_a_shared_data_set_is_found_by_its_hash(here: DatasetRegistry, there: DatasetRegistry) -> None:
    here.share(MINE)
    source = pinned(here)
    assert there.load(source).sha256 == source.sha256
    assert there.load(source).name == "mine"
    assert isinstance(there.load(source).features.base, np.memmap)
    ours, theirs = here.prepare_split(source, RatioSplit()), there.prepare_split(source, RatioSplit())
    assert ours.counts == theirs.counts
    assert ours.read("train").sha256 == theirs.read("train").sha256


def test_the_official_test_part_is_shared_too(here: DatasetRegistry, there: DatasetRegistry) -> None:
    here.share(MINE)
    source = pinned(here)
    assert there.split_counts(source, OfficialSplit()) == here.split_counts(source, OfficialSplit())
    test = there.official_test(source)
    assert test is not None
    assert test.sha256 == here.test_part(source, OfficialSplit()).sha256


def test_a_data_set_without_an_official_test_part_is_shared_without_one(
    tmp_path: Path, here: DatasetRegistry, there: DatasetRegistry
) -> None:
    write_folder(tmp_path / "here" / "datasets" / "plain", [0, 1] * 20)
    plain = Folder(name="plain")
    here.share(plain)
    source = pinned(here, plain)
    assert there.load(source).sha256 == source.sha256
    assert there.official_test(source) is None


def test_targets_are_shared_too(files: BlobStore, tmp_path: Path) -> None:
    labels = np.arange(20) % 2
    columns = (Column("size"), Column("place", "category", ("here", "there")))
    dataset = Dataset("numbers", np.ones((20, 2), np.float32), labels, ("low", "high"), columns=columns)
    dataset = replace(dataset, targets=np.linspace(0, 1, 20))
    save_dataset(dataset, tmp_path / dataset.sha256)
    SharedCache(files).put(tmp_path, dataset.sha256, None)
    (tmp_path / "fetched").mkdir()
    SharedCache(files).fetch(dataset.sha256, tmp_path / "fetched")
    fetched = open_dataset(tmp_path / "fetched")
    assert (fetched.sha256, fetched.columns) == (dataset.sha256, columns)


def test_only_a_pinned_spec_finds_a_shared_data_set(here: DatasetRegistry, there: DatasetRegistry) -> None:
    here.share(MINE)
    with pytest.raises(UnknownDataset):
        there.load(MINE)
    with pytest.raises(UnknownDataset):
        there.load(replace(MINE, sha256="0" * 64))


def test_a_data_set_that_was_not_shared_is_unknown(here: DatasetRegistry, there: DatasetRegistry) -> None:
    with pytest.raises(UnknownDataset):
        there.load(pinned(here))


def test_a_folder_of_the_same_name_with_other_content_does_not_hide_a_shared_data_set(
    tmp_path: Path, here: DatasetRegistry, there: DatasetRegistry
) -> None:
    write_folder(tmp_path / "there" / "datasets" / "mine", [0, 1] * 50, seed=9)
    source = pinned(here)
    with pytest.raises(DatasetChanged):
        there.load(source)
    here.share(MINE)
    assert there.load(source).sha256 == source.sha256
    assert there.load(MINE).sha256 != source.sha256


def test_a_shared_data_set_is_fetched_once(
    here: DatasetRegistry, there: DatasetRegistry, files: BlobStore, tmp_path: Path
) -> None:
    here.share(MINE)
    source = pinned(here)
    there.load(source)
    for name in files.names("datasets") - {f"datasets/{source.sha256}.json"}:
        files.remove(name)
    assert DatasetRegistry(tmp_path / "there", files).load(source).sha256 == source.sha256


def test_a_data_set_is_shared_once(
    here: DatasetRegistry, files: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[str] = []
    monkeypatch.setattr(files, "put", lambda file, name: put.append(name))
    for _ in range(2):
        here.share(MINE)
    assert len(put) == len(set(put)) == 6


def test_the_record_is_written_last(
    here: DatasetRegistry, files: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is written last: a reader that finds it finds every file."""

    def fail(*_: object) -> None:
        raise OSError("the store is full")

    with monkeypatch.context() as patched:
        patched.setattr(files, "put", fail)
        with pytest.raises(OSError, match="full"):
            here.share(MINE)
    assert files.names("datasets") == set()
    here.share(MINE)
    assert f"datasets/{pinned(here).sha256}.json" in files.names("datasets")


def test_a_data_set_that_every_machine_can_generate_is_not_shared(
    here: DatasetRegistry, files: BlobStore
) -> None:
    here.share(Bundled(name="iris"))
    assert files.names("datasets") == set()


def test_without_shared_storage_nothing_is_shared(tmp_path: Path) -> None:
    write_folder(tmp_path / "datasets" / "mine", [0, 1] * 50)
    alone = DatasetRegistry(tmp_path)
    alone.share(MINE)
    with pytest.raises(DatasetChanged):
        alone.load(replace(MINE, sha256="0" * 64))


def test_a_damaged_content_is_refused_and_leaves_nothing(
    here: DatasetRegistry, there: DatasetRegistry, files: BlobStore, tmp_path: Path
) -> None:
    here.share(MINE)
    source = pinned(here)
    labels = f"datasets/{source.sha256}/labels.npy"
    content = files.read(labels)
    assert content is not None
    files.write(labels, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(MalformedFile, match="is not what its name says; remove"):
        there.load(source)
    files.remove(labels)
    with pytest.raises(MalformedFile, match=r"lacks labels\.npy"):
        DatasetRegistry(tmp_path / "third", files).load(source)
    assert not list((tmp_path / "third" / "cache").glob("*"))
    files.remove(f"datasets/{source.sha256}.json")
    here.share(MINE)
    assert there.load(source).sha256 == source.sha256
