from dataclasses import replace
from pathlib import Path
from threading import Thread
from weakref import ref

import numpy as np
import pytest

from tests.workers.data.idx_files import write_folder
from workers.data import loader
from workers.data.errors import DatasetChanged, MissingFile, NoOfficialTest, UnknownDataset
from workers.data.imbalance import Imbalance
from workers.data.registry import DatasetRegistry
from workers.data.sources import BUNDLED, Bundled, Contents, Folder, Source, Synthetic
from workers.data.splits import OfficialSplit, RatioSplit

MINE = Folder(name="mine")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_folder(tmp_path / "datasets" / "mine", [0, 1] * 50, [1, 0, 1])
    return tmp_path


@pytest.fixture
def registry(data_dir: Path) -> DatasetRegistry:
    return DatasetRegistry(data_dir)


def test_names_are_the_bundled_ones_synthetic_and_the_folders(
    registry: DatasetRegistry, data_dir: Path
) -> None:
    for other in (".hidden", "digits", "No Name"):
        (data_dir / "datasets" / other).mkdir()
    (data_dir / "datasets" / "file").write_text("")
    assert registry.names() == [*BUNDLED, "synthetic", "mine"]


def test_a_registry_needs_no_folder(tmp_path: Path) -> None:
    registry = DatasetRegistry(tmp_path / "nowhere")
    assert registry.names() == [*BUNDLED, "synthetic"]
    assert len(registry.load(Bundled(name="iris"))) == 150
    assert not (tmp_path / "nowhere").exists()


def test_a_description_matches_the_content(registry: DatasetRegistry) -> None:
    facts = registry.describe("mine")
    assert (facts.source, facts.rows, facts.features, facts.shape) == ("folder", 100, 12, (4, 3, 1))
    assert (facts.classes, facts.counts, facts.official_test) == (("0", "1"), (50, 50), 3)
    assert facts.sha256 == registry.load(MINE).sha256
    assert registry.describe("iris").official_test == 0
    assert registry.describe("synthetic").counts == (1800, 200)


@pytest.mark.parametrize(
    ("name", "nearest"), [("mime", "mine"), ("digit", "digits"), ("../mine", "mine"), ("zzz", None)]
)
def test_an_unknown_name_is_refused_with_the_nearest(
    registry: DatasetRegistry, name: str, nearest: str | None
) -> None:
    with pytest.raises(UnknownDataset) as unknown:
        registry.describe(name)
    assert unknown.value.nearest == nearest
    assert "mine" in unknown.value.known


def test_an_unknown_folder_cannot_be_loaded(registry: DatasetRegistry) -> None:
    with pytest.raises(UnknownDataset, match="Did you mean 'mine'"):
        registry.load(Folder(name="minx"))


def test_a_folder_without_files_says_what_it_lacks(registry: DatasetRegistry, data_dir: Path) -> None:
    (data_dir / "datasets" / "empty").mkdir()
    with pytest.raises(MissingFile, match="empty lacks train-images-idx3-ubyte"):
        registry.load(Folder(name="empty"))


@pytest.mark.parametrize("source", [Bundled(name="wine"), Synthetic(), MINE], ids=lambda source: source.kind)
def test_a_pin_matches_as_long_as_the_content_is_the_same(registry: DatasetRegistry, source: Source) -> None:
    sha256 = registry.load(source).sha256
    assert registry.load(replace(source, sha256=sha256)).sha256 == sha256
    with pytest.raises(DatasetChanged, match=sha256):
        registry.load(replace(source, sha256="0" * 64))


def test_a_folder_that_changed_breaks_its_pin(registry: DatasetRegistry, data_dir: Path) -> None:
    pinned = replace(MINE, sha256=registry.load(MINE).sha256)
    write_folder(data_dir / "datasets" / "mine", [0, 1] * 50, [1, 0, 1], seed=9)
    with pytest.raises(DatasetChanged):
        registry.prepare_split(pinned, RatioSplit())


def test_a_second_load_is_the_same_object_whatever_the_imbalance(registry: DatasetRegistry) -> None:
    first = registry.load(Synthetic())
    assert registry.load(Synthetic(imbalance=Imbalance(ratio=3))) is first
    assert registry.load(Synthetic(seed=1)) is not first


def test_only_the_most_recently_used_data_sets_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = registry_bytes(Synthetic())
    monkeypatch.setattr(loader, "MOST_BYTES", 3 * each)
    registry = DatasetRegistry(tmp_path)
    loaded = [ref(registry.load(Synthetic(seed=seed))) for seed in range(3)]
    registry.load(Synthetic(seed=0))
    registry.load(Synthetic(seed=3))
    assert [each() is None for each in loaded] == [False, True, False]
    too_large = Synthetic(counts=(6000, 1000))
    read = registry.load(too_large)
    assert registry.load(too_large) is read
    kept = ref(read)
    del read
    assert kept() is None


def registry_bytes(source: Synthetic) -> int:
    return source.generated_bytes + 8 * source.generated_rows


def test_planning_counts_the_memory_that_a_data_set_takes(registry: DatasetRegistry) -> None:
    assert registry.planning_bytes(Synthetic(counts=(10, 90), features=5)) == 100 * (5 * 4 + 64)
    assert registry.planning_bytes(Bundled(name="iris")) == 150 * 64
    assert registry.planning_bytes(Folder(name="missing")) == 0


def test_a_list_of_all_data_sets_reads_the_bundled_ones_once(
    registry: DatasetRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    unspied = Bundled.read

    def spied(source: Bundled, folder: Path) -> Contents:
        read.append(source.name)
        return unspied(source, folder)

    monkeypatch.setattr(Bundled, "read", spied)
    for _ in range(2):
        for name in registry.names():
            registry.describe(name)
    assert read == list(BUNDLED)


def test_a_prepared_split_is_written_once_and_found_by_another_registry(
    registry: DatasetRegistry, data_dir: Path
) -> None:
    source = Bundled(name="digits", imbalance=Imbalance(ratio=10))
    parts = registry.prepare_split(source, RatioSplit())
    written = (parts.folder / "train" / "features.npy").stat().st_mtime_ns
    assert DatasetRegistry(data_dir).prepare_split(source, RatioSplit()) == parts
    assert (parts.folder / "train" / "features.npy").stat().st_mtime_ns == written
    assert registry.split_counts(source, RatioSplit()) == parts.counts
    assert registry.prepare_split(source, RatioSplit(seed=1)).folder != parts.folder


def test_a_prepared_split_and_its_test_part_make_up_the_data_set(registry: DatasetRegistry) -> None:
    source, split = Bundled(name="iris"), RatioSplit()
    parts, whole = registry.prepare_split(source, split), registry.load(source)
    test = registry.test_part(source, split)
    together = np.concatenate(
        [parts.read("train").features, parts.read("validation").features, test.features]
    )
    assert np.array_equal(np.sort(together, axis=0), np.sort(whole.features, axis=0))
    assert parts.counts["test"] == test.counts.tolist() == [5, 5, 5]


def test_the_official_test_part_is_used_if_the_split_asks_for_it(registry: DatasetRegistry) -> None:
    official_test = registry.official_test(MINE)
    assert official_test is not None
    assert registry.test_part(MINE, OfficialSplit()).sha256 == official_test.sha256
    assert registry.test_part(MINE, RatioSplit()).sha256 != official_test.sha256
    expected = {"train": [40, 40], "validation": [10, 10], "test": [1, 2]}
    assert registry.prepare_split(MINE, OfficialSplit()).counts == expected
    assert (
        registry.prepare_split(MINE, OfficialSplit()).counts
        == registry.split_counts(MINE, OfficialSplit())
        == expected
    )


def test_without_an_official_test_part_a_split_cannot_ask_for_it(
    registry: DatasetRegistry, data_dir: Path
) -> None:
    for question in (registry.prepare_split, registry.split_counts, registry.test_part):
        with pytest.raises(NoOfficialTest, match="'iris' has no official test part"):
            question(Bundled(name="iris"), OfficialSplit())
    assert not (data_dir / "parts").exists()


def test_threads_may_share_a_registry(registry: DatasetRegistry) -> None:
    found: list[str] = []

    def work(seed: int) -> None:
        sources = (MINE, Synthetic(seed=seed % 6), Bundled())
        found.extend(registry.prepare_split(source, RatioSplit()).folder.name for source in sources)

    threads = [Thread(target=work, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 36
    assert len(set(found)) == 1 + 6 + 1
