"""Loads the contents of a source: from memory, from its files, from the local cache, or from the shared cache."""

from difflib import get_close_matches
from mmap import mmap
from pathlib import Path
from re import fullmatch
from weakref import WeakValueDictionary

import numpy as np

from workers.data.dataset import Dataset, Features, Labels
from workers.data.errors import DatasetChanged, UnknownDataset
from workers.data.local_cache import LocalCache
from workers.data.shared_cache import SharedCache
from workers.data.sources import BUNDLED, Contents, Source, Synthetic
from workers.data.sources.folder import NAME_PATTERN
from workers.lru_cache import LruCache

MOST_BYTES = 256_000_000
"""Data sets held open at a time, by the memory that they take."""
MAPPED_BYTES = 10_000_000
"""What a data set that is memory-mapped counts: hardly any memory, but files and address space."""


class ContentsLoader:
    """Loads contents and keeps the most recently used ones open. Threads may share one loader.

    datasets: the folder with a folder for each data set. cache: the folder of the local cache.
    shared: the cache that other machines reach too, if there is one.
    """

    def __init__(self, datasets: Path, cache: Path, shared: SharedCache | None) -> None:
        self._datasets = datasets
        self._cache = LocalCache(cache, shared)
        self._open: LruCache[str, Contents] = LruCache(MOST_BYTES, _size)
        self._in_use: WeakValueDictionary[str, Dataset] = WeakValueDictionary()
        """Those that somebody has, however large: a plan loads its data set more than once."""

    def load(self, source: Source) -> Contents:
        """The contents of a source; from the shared cache if this machine lacks those that it pins.

        Raises UnknownDataset, DatasetChanged, MissingFile or MalformedFile.
        """
        try:
            return self._load_local(source)
        except (UnknownDataset, DatasetChanged):
            shared = self._load_shared(source)
            if shared is None:
                raise
            return shared

    def share(self, source: Source) -> None:
        """Copy contents to the shared cache, unless every machine can read or generate the source by itself."""
        source = source.resolved(self._datasets)
        folder = source.content_folder(self._datasets, self._cache.folder)
        if folder is not None:
            self._cache.share(self.load(source), folder)

    def clear(self) -> None:
        """Drop all contents that are held open."""
        self._open.clear()

    def _load_local(self, source: Source) -> Contents:
        source = source.resolved(self._datasets)
        if not source.exists(self._datasets):
            raise unknown_dataset(source.name, self._datasets)
        contents = self._read(source)
        found = contents.dataset.sha256
        if source.sha256 not in (None, found):
            raise DatasetChanged(source.name, source.sha256, found)
        return contents

    def _load_shared(self, source: Source) -> Contents | None:
        if source.sha256 is None:
            return None
        contents = self._open.get(source.sha256)
        if contents is None and (contents := self._cache.fetch(source.name, source.sha256)) is not None:
            self._open.put(source.sha256, contents)
        return contents

    def _read(self, source: Source) -> Contents:
        signature = source.signature(self._datasets)
        if (contents := self._open.get(signature)) is not None:
            return contents
        if (dataset := self._in_use.get(signature)) is not None:
            return Contents(dataset)
        contents = self._read_or_parse(source)
        self._open.put(signature, contents)
        if contents.official_test is None:
            self._in_use[signature] = contents.dataset
        return contents

    def _read_or_parse(self, source: Source) -> Contents:
        if source.is_slow_to_read:
            return self._cache.load(source, self._datasets)
        return source.read(self._datasets)


def _size(contents: Contents) -> int:
    """What contents count in the cache of open ones."""
    return sum(_bytes(each.features) + _bytes(each.labels) for each in contents if each is not None)


def _bytes(array: Features | Labels) -> int:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return MAPPED_BYTES if isinstance(base, mmap) else array.nbytes


def dataset_names(datasets: Path) -> list[str]:
    """Every name that can be loaded: the bundled ones, `synthetic`, and the folders in `datasets`."""
    own = [*BUNDLED, Synthetic.kind]
    entries = datasets.iterdir() if datasets.is_dir() else ()
    folders = sorted(path.name for path in entries if path.is_dir() and fullmatch(NAME_PATTERN, path.name))
    return own + [name for name in folders if name not in own]


def unknown_dataset(name: str, datasets: Path) -> UnknownDataset:
    """The error for a name that no data set has, with the nearest name that one has."""
    known = dataset_names(datasets)
    nearest = get_close_matches(name, known, n=1)
    return UnknownDataset(name, tuple(known), nearest[0] if nearest else None, "DATA_DIR/datasets/NAME")
