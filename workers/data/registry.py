"""The data sets that there are: what a name means, and the parts that a run is given."""

import shutil
from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from re import fullmatch
from threading import Lock

from pydantic import TypeAdapter, ValidationError

from workers.data.dataset import Dataset
from workers.data.errors import DatasetChanged, NameReserved, NoOfficialTest, NotUploaded, UnknownDataset
from workers.data.local_cache import LocalCache
from workers.data.prepared_splits import (
    PartCounts,
    PreparedSplit,
    count_classes,
    open_split,
    split_key,
    take_test_part,
    write_split,
)
from workers.data.shared_cache import BlobFiles, SharedCache
from workers.data.sources import BUNDLED, AnySource, Contents, Source, Synthetic
from workers.data.sources.folder import NAME_PATTERN
from workers.data.sources.upload_source import UploadSource
from workers.data.sources.upload_store import Upload, UploadStore, Version
from workers.data.splits import OfficialSplit, Split, split_rows
from workers.nn.arrays import Shape

SOURCE: TypeAdapter[Source] = TypeAdapter(AnySource)
MAX_OPEN = len(BUNDLED) + 4
"""Data sets held open at a time: the bundled ones, which every list describes, and a few more. Those from folders
are memory-mapped and cost little."""


@dataclass(frozen=True)
class DatasetDescription:
    """What is to be known of a data set before it is used. `official_test` counts rows, 0 for none.

    versions: of an uploaded one, the newest last; the facts are those of the newest.
    """

    name: str
    source: str
    rows: int
    features: int
    shape: Shape | None
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    sha256: str
    official_test: int
    versions: tuple[Version, ...] = ()


class DatasetRegistry:
    """Data sets under `data_dir`: datasets/NAME holds files, cache/ what was parsed, parts/ what runs read.

    Several processes and threads may use one folder at once. With `shared`, a place that other machines reach
    too, a data set that is pinned by its hash need not be here: it is fetched from there.
    """

    def __init__(self, data_dir: Path, shared: BlobFiles | None = None) -> None:
        self.datasets = data_dir / "datasets"
        self.uploads = UploadStore(self.datasets)
        self._cache = LocalCache(data_dir / "cache", SharedCache(shared) if shared is not None else None)
        self._parts = data_dir / "parts"
        self._open: OrderedDict[str, Contents] = OrderedDict()
        self._lock = Lock()

    def names(self) -> list[str]:
        """Every name that can be loaded: the bundled ones, `synthetic`, and the folders."""
        own = [*BUNDLED, "synthetic"]
        there = self.datasets.iterdir() if self.datasets.is_dir() else ()
        folders = sorted(path.name for path in there if path.is_dir() and fullmatch(NAME_PATTERN, path.name))
        return own + [name for name in folders if name not in own]

    def source(self, name: str) -> Source:
        """The source that a bare name means. Raises UnknownDataset."""
        try:
            return SOURCE.validate_python(name)
        except ValidationError:
            raise self._unknown(name) from None

    def describe(self, name: str) -> DatasetDescription:
        """The facts of a data set, with the defaults of its source. Raises what `load` does."""
        source = self.source(name)
        if versions := self.uploads.versions(name):
            return _uploaded_facts(name, versions)
        dataset, official_test = self._contents(source)
        return DatasetDescription(
            name=name,
            source=source.kind,
            rows=len(dataset),
            features=dataset.features.shape[1],
            shape=dataset.shape,
            classes=dataset.classes,
            counts=tuple(dataset.counts.tolist()),
            sha256=dataset.sha256,
            official_test=len(official_test) if official_test else 0,
        )

    def load(self, source: Source) -> Dataset:
        """What a split divides. Raises UnknownDataset, DatasetChanged, MissingFile or MalformedFile."""
        return self._contents(source).dataset

    def official_test(self, source: Source) -> Dataset | None:
        """The test part that the data set was published with; None where there is none."""
        return self._contents(source).official_test

    def share(self, source: Source) -> None:
        """Let other machines have a data set that they cannot read or generate by themselves."""
        source = source.resolved(self.datasets)
        folder = source.content_folder(self.datasets, self._cache.folder)
        if folder is not None:
            self._cache.share(self._contents(source), folder)

    def add_upload(self, name: str, upload: Upload, contents: Path) -> tuple[DatasetDescription, bool]:
        """Keep what was uploaded and read; its facts, and whether it is a new version. Raises NameReserved."""
        self.require_free(name)
        _, is_new = self.uploads.add(name, upload, contents)
        return self.describe(name), is_new

    def require_free(self, name: str) -> None:
        """Raise NameReserved where nothing can be uploaded under a name."""
        what = self._what(name)
        if what is not None:
            raise NameReserved(name, what)

    def upload_hashes(self, name: str) -> set[str]:
        """The hashes of all versions of an upload. Raises NotUploaded or UnknownDataset."""
        what = self._what(name)
        if what is not None:
            raise NotUploaded(name, what)
        versions = self.uploads.versions(name)
        if not versions:
            raise self._unknown(name)
        return {each.upload.sha256 for each in versions}

    def delete_upload(self, name: str, *, in_use: Container[str] = ()) -> None:
        """Delete an upload, and what was prepared of its contents unless their hashes are in use.

        Raises NotUploaded or UnknownDataset.
        """
        hashes = self.upload_hashes(name)
        self.uploads.delete(name)
        for sha256 in hashes:
            if sha256 not in in_use:
                shutil.rmtree(self._parts / sha256, ignore_errors=True)

    def split_counts(self, source: Source, split: Split) -> PartCounts:
        """Rows of each class in each part, as a run would have them; nothing is written."""
        dataset, official_test = self.load(source), self._official(source, split)
        rows = split_rows(dataset.labels, dataset.classes, split, source.imbalance)
        return _with_official(count_classes(dataset, rows), official_test)

    def prepare_split(self, source: Source, split: Split) -> PreparedSplit:
        """The parts that a run trains and validates on, and every part's counts; written on first use."""
        dataset, official_test = self.load(source), self._official(source, split)
        folder = self._parts / dataset.sha256 / split_key(dataset.sha256, split, source.imbalance)
        there = open_split(folder)
        if there is None:
            rows = split_rows(dataset.labels, dataset.classes, split, source.imbalance)
            there = write_split(dataset, rows, folder)
        return replace(there, counts=_with_official(there.counts, official_test))

    def test_part(self, source: Source, split: Split) -> Dataset:
        """The held-back rows, for a test evaluation and nothing else."""
        return self._official(source, split) or take_test_part(self.load(source), split, source.imbalance)

    def _official(self, source: Source, split: Split) -> Dataset | None:
        if not isinstance(split, OfficialSplit):
            return None
        official_test = self.official_test(source)
        if official_test is None:
            raise NoOfficialTest(source.name)
        return official_test

    def _contents(self, source: Source) -> Contents:
        """What a source holds; where that is not here, or is not what is pinned, what was shared of it."""
        try:
            return self._here(source)
        except (UnknownDataset, DatasetChanged):
            shared = self._shared(source)
            if shared is None:
                raise
            return shared

    def _here(self, source: Source) -> Contents:
        source = source.resolved(self.datasets)
        if not source.present(self.datasets):
            raise self._unknown(source.name)
        contents = self._read(source)
        found = contents.dataset.sha256
        if source.sha256 not in (None, found):
            raise DatasetChanged(source.name, source.sha256, found)
        return contents

    def _read(self, source: Source) -> Contents:
        signature = source.signature(self.datasets)
        contents = self._held(signature)
        if contents is not None:
            return contents
        if source.is_slow_to_read:
            return self._hold(signature, self._cache.contents(source, self.datasets))
        return self._hold(signature, source.read(self.datasets))

    def _shared(self, source: Source) -> Contents | None:
        if source.sha256 is None:
            return None
        contents = self._held(source.sha256)
        if contents is None:
            contents = self._cache.fetch(source.name, source.sha256)
        return contents and self._hold(source.sha256, contents)

    def _what(self, name: str) -> str | None:
        """What has a name that was not uploaded; None where nothing has it, or an upload."""
        if name in BUNDLED:
            return "a bundled data set"
        if name == Synthetic.kind:
            return "the generated data set"
        there = (self.datasets / name).exists() and not self.uploads.versions(name)
        return "a folder of files" if there else None

    def _held(self, key: str) -> Contents | None:
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
            return self._open.get(key)

    def _hold(self, key: str, contents: Contents) -> Contents:
        with self._lock:
            self._open[key] = contents
            while len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        return contents

    def _unknown(self, name: str) -> UnknownDataset:
        known = self.names()
        nearest = get_close_matches(name, known, n=1)
        return UnknownDataset(name, tuple(known), nearest[0] if nearest else None, "DATA_DIR/datasets/NAME")


def _uploaded_facts(name: str, versions: tuple[Version, ...]) -> DatasetDescription:
    """From the record alone: nothing is opened."""
    newest = versions[-1].upload
    return DatasetDescription(
        name=name,
        source=UploadSource.kind,
        rows=newest.rows,
        features=newest.features,
        shape=newest.shape,
        classes=newest.classes,
        counts=newest.counts,
        sha256=newest.sha256,
        official_test=newest.official_test_rows,
        versions=versions,
    )


def _with_official(counts: PartCounts, official_test: Dataset | None) -> PartCounts:
    return counts if official_test is None else {**counts, "test": official_test.counts.tolist()}
