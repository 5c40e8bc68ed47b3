import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from service.store.artifacts.blob_store import BlobStore
from tests.workers.data.idx_files import write_folder
from workers.data.dataset import Dataset
from workers.data.errors import (
    DatasetChanged,
    MalformedFile,
    NameReserved,
    NotUploaded,
    UnknownDataset,
)
from workers.data.registry import DatasetRegistry
from workers.data.sources import BUNDLED, Contents, Folder
from workers.data.sources.upload_store import ABANDONED_AFTER_SECONDS, Upload, UploadStore, write_contents
from workers.data.splits import OfficialSplit, RatioSplit

FLOWERS = Folder(name="flowers")


def contents(seed: int = 0, *, official_test: bool = False) -> Contents:
    features = np.random.default_rng(seed).random((40, 3)).astype(np.float32)
    dataset = Dataset("flowers", features, np.arange(40) % 2, ("a", "b"))
    return Contents(dataset, dataset.take(np.arange(4)) if official_test else None)


def add(uploads: UploadStore, given: Contents, name: str = "flowers") -> tuple[int, bool]:
    """Add contents as an upload does after reading its file; the version's number, and whether it is new."""
    with uploads.draft() as draft:
        upload = write_contents(given, "csv", draft / "contents")
        version, is_new = uploads.add(name, upload, draft / "contents")
    return version.number, is_new


@pytest.fixture
def registry(tmp_path: Path) -> DatasetRegistry:
    return DatasetRegistry(tmp_path)


@pytest.fixture
def uploads(registry: DatasetRegistry) -> UploadStore:
    return registry.uploads


def test_an_upload_is_read_back_unchanged(uploads: UploadStore, registry: DatasetRegistry) -> None:
    given = contents(official_test=True)
    assert add(uploads, given) == (1, True)
    dataset, official_test = registry.load(FLOWERS), registry.official_test(FLOWERS)
    assert dataset.name == "flowers"
    assert dataset.sha256 == given.dataset.sha256
    assert official_test is not None
    assert given.official_test is not None
    assert official_test.sha256 == given.official_test.sha256
    assert registry.split_counts(FLOWERS, OfficialSplit())["test"] == [2, 2]
    assert registry.names() == [*BUNDLED, "synthetic", "flowers"]


def test_other_content_is_a_new_version_and_the_same_is_not(uploads: UploadStore) -> None:
    assert [add(uploads, contents(seed)) for seed in (0, 1, 0, 1, 2)] == [
        (1, True),
        (2, True),
        (1, False),
        (2, False),
        (3, True),
    ]
    assert [each.number for each in uploads.versions("flowers")] == [1, 2, 3]


def test_without_a_pin_a_spec_gets_the_newest_version_and_with_one_its_own(
    uploads: UploadStore, registry: DatasetRegistry
) -> None:
    hashes = []
    for seed in (0, 1):
        add(uploads, contents(seed))
        hashes.append(registry.load(FLOWERS).sha256)
    assert hashes == [contents(seed).dataset.sha256 for seed in (0, 1)]
    for sha256 in hashes:
        assert registry.load(replace(FLOWERS, sha256=sha256)).sha256 == sha256
    with pytest.raises(DatasetChanged, match=hashes[1]):
        registry.load(replace(FLOWERS, sha256="0" * 64))


def test_an_official_test_part_added_later_makes_a_new_version_of_the_same_hash(
    uploads: UploadStore, registry: DatasetRegistry
) -> None:
    add(uploads, contents())
    assert add(uploads, contents(official_test=True)) == (2, True)
    pinned = replace(FLOWERS, sha256=contents().dataset.sha256)
    assert registry.official_test(pinned) is not None


def test_an_upload_is_described_without_opening_its_content(
    uploads: UploadStore, registry: DatasetRegistry
) -> None:
    add(uploads, contents(official_test=True))
    [version] = uploads.versions("flowers")
    shutil.rmtree(uploads.datasets / "flowers" / version.upload.sha256)
    facts = registry.describe("flowers")
    assert (facts.source, facts.rows, facts.features, facts.shape) == ("upload", 40, 3, None)
    assert (facts.classes, facts.counts, facts.official_test) == (("a", "b"), (20, 20), 4)
    assert facts.versions == (version,)
    assert abs(version.uploaded_at - time.time()) < 60


def test_an_upload_survives_json(uploads: UploadStore) -> None:
    images = Dataset("x", np.zeros((4, 6), np.uint8), np.arange(4) % 2, ("a", "b"), (2, 3, 1))
    add(uploads, Contents(images))
    [version] = uploads.versions("flowers")
    assert version.upload == Upload.of(Contents(images), "csv")


@pytest.mark.parametrize("part", ["features.npy", "labels.npy", "meta.json"])
def test_damage_is_detected_and_repaired_by_the_same_upload(
    uploads: UploadStore, registry: DatasetRegistry, part: str
) -> None:
    add(uploads, contents())
    [version] = uploads.versions("flowers")
    file = uploads.datasets / "flowers" / version.upload.sha256 / part
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(MalformedFile, match="is damaged; upload the same again"):
        registry.load(FLOWERS)
    assert add(uploads, contents()) == (1, False)
    assert registry.load(FLOWERS).sha256 == version.upload.sha256


def test_a_name_that_is_taken_cannot_be_uploaded_to(uploads: UploadStore, registry: DatasetRegistry) -> None:
    folder = write_folder(uploads.datasets / "flowers", [0, 1])
    with pytest.raises(NameReserved, match="a folder of files"):
        add(uploads, contents())
    for name in ("digits", "synthetic", "flowers"):
        with pytest.raises(NameReserved):
            registry.require_free(name)
        with pytest.raises(NotUploaded):
            registry.delete_upload(name)
    assert sorted(folder.iterdir())
    registry.require_free("free")


def test_a_removed_name_is_free_again(
    uploads: UploadStore, registry: DatasetRegistry, tmp_path: Path
) -> None:
    add(uploads, contents(0))
    parts = registry.prepare_split(FLOWERS, RatioSplit())
    add(uploads, contents(1))
    prepared = registry.prepare_split(FLOWERS, RatioSplit())
    loaded = registry.load(FLOWERS)
    registry.delete_upload("flowers", in_use={loaded.sha256})
    assert loaded.features.sum() > 0  # a memory map stays readable
    assert not parts.folder.exists()
    assert prepared.folder.exists()
    assert "flowers" not in registry.names()
    assert sorted(path.name for path in uploads.datasets.iterdir()) == [".lock"]
    for refused in (lambda: registry.load(FLOWERS), lambda: registry.delete_upload("flowers")):
        with pytest.raises(UnknownDataset):
            refused()
    assert add(uploads, contents(2)) == (1, True)


def test_folders_left_by_killed_processes_are_deleted_after_a_day(uploads: UploadStore) -> None:
    add(uploads, contents())
    old, new = uploads.datasets / ".upload-old", uploads.datasets / ".removed-new"
    for folder in (old, new):
        (folder / "x").mkdir(parents=True)
    long_ago = time.time() - ABANDONED_AFTER_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    os.utime(uploads.datasets / "flowers", (long_ago, long_ago))
    with uploads.draft() as draft:
        assert draft.is_dir()
    assert sorted(path.name for path in uploads.datasets.iterdir()) == [".lock", ".removed-new", "flowers"]


def test_a_draft_is_no_data_set(uploads: UploadStore, registry: DatasetRegistry) -> None:
    with uploads.draft():
        assert registry.names() == [*BUNDLED, "synthetic"]


def test_another_machine_finds_a_pinned_version_where_both_reach(tmp_path: Path) -> None:
    shared = BlobStore(str(tmp_path / "shared"))
    here, there = DatasetRegistry(tmp_path / "here", shared), DatasetRegistry(tmp_path / "there", shared)
    given = contents(official_test=True)
    add(here.uploads, given)
    here.share(FLOWERS)
    add(here.uploads, contents(1))
    pinned = replace(FLOWERS, sha256=given.dataset.sha256)
    assert there.load(pinned).sha256 == given.dataset.sha256
    assert there.split_counts(pinned, OfficialSplit()) == here.split_counts(pinned, OfficialSplit())
    add(there.uploads, contents(2))  # under the same name, but not the pinned content
    assert there.load(pinned).sha256 == given.dataset.sha256


def _add_some(folder: Path, seeds: range) -> None:
    for seed in seeds:
        add(UploadStore(folder), contents(seed))


def test_threads_and_processes_may_upload_under_one_name(
    uploads: UploadStore, registry: DatasetRegistry
) -> None:
    """Fifteen contents, most of them twice: fifteen versions, and no reader ever finds half of one."""
    arguments = [(uploads.datasets, range(start, start + 6)) for start in (0, 6, 3, 9)]
    others = [get_context("spawn").Process(target=_add_some, args=arguments[0])]
    others[0].start()
    threads = [Thread(target=_add_some, args=each) for each in [*arguments[1:], (uploads.datasets, range(3))]]
    for thread in threads:
        thread.start()
    seen = list(_watch(registry, threads))
    others[0].join()
    assert others[0].exitcode == 0
    assert seen == sorted(seen)
    versions = uploads.versions("flowers")
    assert [each.number for each in versions] == list(range(1, len(versions) + 1))
    assert {each.upload.sha256 for each in versions} == {contents(s).dataset.sha256 for s in range(15)}
    assert len(versions) == 15
    for version in versions:
        assert uploads.open("flowers", version).dataset.sha256 == version.upload.sha256


def _watch(registry: DatasetRegistry, threads: list[Thread]) -> Iterator[int]:
    while any(thread.is_alive() for thread in threads):
        if "flowers" in registry.names():
            yield len(registry.describe("flowers").versions)
            registry.load(FLOWERS)
