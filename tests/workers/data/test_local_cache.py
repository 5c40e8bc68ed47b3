import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.workers.data.idx_files import TRAIN_IMAGES, write_folder
from workers.data.errors import MalformedFile
from workers.data.local_cache import LocalCache
from workers.data.sources.folder import Folder, read_folder


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    write_folder(tmp_path / "datasets" / "mine", [0, 1, 1], [1])
    return tmp_path / "datasets"


@pytest.fixture
def cache(tmp_path: Path) -> LocalCache:
    return LocalCache(tmp_path / "cache")


MINE = Folder(name="mine")


def scramble(path: Path) -> None:
    """Damage a file without changing its size and time."""
    stat = path.stat()
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil(path: Path) -> None:
    """Change the last byte alone, which leaves arrays well-formed."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_cached_contents_equal_those_of_the_files(cache: LocalCache, datasets: Path) -> None:
    dataset, official_test = read_folder(datasets / "mine")
    for _ in range(2):
        cached = cache.load(MINE, datasets)
        assert cached.dataset.sha256 == dataset.sha256
        assert cached.official_test is not None
        assert official_test is not None
        assert cached.official_test.sha256 == official_test.sha256
        assert isinstance(cached.dataset.features.base, np.memmap)


def test_files_are_parsed_once(cache: LocalCache, datasets: Path) -> None:
    before = cache.load(MINE, datasets)
    scramble(datasets / "mine" / TRAIN_IMAGES)
    assert cache.load(MINE, datasets).dataset.sha256 == before.dataset.sha256
    assert LocalCache(cache.folder).load(MINE, datasets).dataset.sha256 == before.dataset.sha256


def test_files_that_changed_are_parsed_again(cache: LocalCache, datasets: Path) -> None:
    before = cache.load(MINE, datasets)
    write_folder(datasets / "mine", [0, 1, 1], [1], seed=8)
    assert cache.load(MINE, datasets).dataset.sha256 != before.dataset.sha256
    scramble(datasets / "mine" / TRAIN_IMAGES)
    os.utime(datasets / "mine" / TRAIN_IMAGES)
    with pytest.raises(MalformedFile):
        cache.load(MINE, datasets)


@pytest.mark.parametrize("file", ["features.npy", "labels.npy", "meta.json"])
@pytest.mark.parametrize("harm", [Path.unlink, empty, scramble, spoil])
def test_damaged_content_is_parsed_again(
    cache: LocalCache, datasets: Path, file: str, harm: Callable[[Path], object]
) -> None:
    sha256 = cache.load(MINE, datasets).dataset.sha256
    harm(cache.folder / sha256 / file)
    assert cache.load(MINE, datasets).dataset.sha256 == sha256
    assert cache.load(MINE, datasets).dataset.labels.tolist() == [0, 1, 1]


def test_equal_content_under_two_names_is_stored_once(cache: LocalCache, datasets: Path) -> None:
    write_folder(datasets / "yours", [0, 1, 1], [1])
    mine = cache.load(MINE, datasets).dataset
    yours = cache.load(Folder(name="yours"), datasets).dataset
    assert mine.sha256 == yours.sha256
    assert (mine.name, yours.name) == ("mine", "yours")
    assert len([path for path in cache.folder.iterdir() if path.name != "sources"]) == 2  # train and test


def test_several_processes_may_start_at_once(cache: LocalCache, datasets: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from workers.data.local_cache import LocalCache;"
        "from workers.data.sources.folder import Folder;"
        "sys.stdin.read();"  # every process waits here for the end of its input
        "print(LocalCache(Path(sys.argv[1])).load(Folder(name='mine'), Path(sys.argv[2])).dataset.sha256)"
    )
    command = [sys.executable, "-c", script, str(cache.folder), str(datasets)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    answers = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert answers == {read_folder(datasets / "mine").dataset.sha256}
    assert not list(cache.folder.rglob(".draft-*"))
