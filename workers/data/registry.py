"""The registry of data sets: which names exist, what each name means, and the prepared splits that runs read."""

import shutil
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from workers.data.dataset import Dataset
from workers.data.digest_cache import DigestCache
from workers.data.errors import NameReserved, NoOfficialTest, NotUploaded
from workers.data.exposed_rows import ExposedRows
from workers.data.far_rows_of_split import FarRowsOfSplit, far_rows_of_split
from workers.data.folds import FoldDivider
from workers.data.gaps_of_split import ColumnGaps, gaps_of_split
from workers.data.loader import ContentsLoader, dataset_names, unknown_dataset
from workers.data.prepared_splits import (
    ONLY_FOLD,
    PartCounts,
    PreparedSplit,
    count_classes,
    mark_used,
    open_split,
    remove_unused,
    split_key,
    write_split,
    write_split_of_fold,
)
from workers.data.preprocessing import Preprocessing
from workers.data.row_digests import Digests
from workers.data.scaling import Scaling
from workers.data.shared_cache import BlobFiles, SharedCache
from workers.data.sources import BUNDLED, AnySource, Source, Synthetic
from workers.data.sources.upload_source import UploadSource
from workers.data.sources.upload_store import Upload, UploadStore, Version
from workers.data.split_rows import SplitRows, count_repeated_rows, split_rows, split_rows_by_column
from workers.data.splits import CrossValidation, Fold, Part, Split, ThreePartSplit
from workers.data.tables.schema import TableSchema
from workers.lru_cache import LruCache
from workers.nn.arrays import Shape

PLANNING_BYTES_PER_ROW = 64
"""Labels, and the permutations of rows that a split makes."""

SPLIT_ROWS_BYTES = 16_000_000
"""Divided rows that are cached: validation, submission and preparation ask for the same ones."""
SOURCE: TypeAdapter[Source] = TypeAdapter(AnySource)


@dataclass(frozen=True)
class DatasetDescription:
    """The public facts of a data set.

    shape: of one image, (height, width, channels), or None. counts: rows of each class, (K,).
    official_test: rows of the official test part, 0 if there is none. versions: of an upload, the newest last;
    the other fields describe the newest.
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
    """The data sets under `data_dir`, which several processes and threads may use at once.

    datasets/NAME holds the files of a data set, cache/ parsed contents, parts/ the prepared splits. `shared` is
    storage that other machines reach too: a data set that is pinned by its hash and missing here is fetched from it.
    """

    def __init__(self, data_dir: Path, shared: BlobFiles | None = None) -> None:
        self.datasets = data_dir / "datasets"
        self.uploads = UploadStore(self.datasets)
        shared_cache = SharedCache(shared) if shared is not None else None
        self._cache = data_dir / "cache"
        self._loader = ContentsLoader(self.datasets, self._cache, shared_cache)
        self._digests = DigestCache()
        self._repeated_rows: LruCache[str, dict[Part, int]] = LruCache(1000)
        self._far_rows: LruCache[str, tuple[FarRowsOfSplit | None]] = LruCache(1000)
        self._gaps: LruCache[str, tuple[ColumnGaps, ...]] = LruCache(1000)
        self._input_widths: LruCache[str, int] = LruCache(1000)
        self._split_rows: LruCache[str, SplitRows] = LruCache(SPLIT_ROWS_BYTES, lambda rows: rows.nbytes)
        self._prepared_splits = data_dir / "parts"

    def names(self) -> list[str]:
        """Every name that can be loaded: the bundled ones, `synthetic`, and the folders."""
        return dataset_names(self.datasets)

    def source(self, name: str) -> Source:
        """The source that a bare name means. Raises UnknownDataset."""
        try:
            return SOURCE.validate_python(name)
        except ValidationError:
            raise unknown_dataset(name, self.datasets) from None

    def describe(self, name: str) -> DatasetDescription:
        """Describe a data set, with the defaults of its source. Raises the errors of `load`."""
        source = self.source(name)
        if versions := self.uploads.versions(name):
            return _describe_upload(name, versions)
        dataset, official_test = self._loader.load(source)
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

    def table_schema(self, facts: DatasetDescription) -> TableSchema | None:
        """The schema of an uploaded table, in its newest version; None for other data sets."""
        return self.uploads.schema(facts.name, facts.versions[-1]) if facts.versions else None

    def label_of(self, name: str) -> str | None:
        """The column that the newest version of an uploaded table predicts; None if it is no such table."""
        versions = self.uploads.versions(name)
        schema = self.uploads.schema(name, versions[-1]) if versions else None
        return schema.label if schema else None

    def load(self, source: Source) -> Dataset:
        """The rows that a split divides. Raises UnknownDataset, DatasetChanged, MissingFile or MalformedFile."""
        return self._loader.load(source).dataset

    def official_test(self, source: Source) -> Dataset | None:
        """The test part that the data set was published with; None if there is none."""
        return self._loader.load(source).official_test

    def close_unused(self) -> None:
        """Drop the data sets that are held open; those in use stay with their users."""
        self._loader.clear()

    def planning_bytes(self, source: Source) -> int:
        """About how much memory planning an experiment on a data set takes; 0 if the data set cannot be loaded."""
        try:
            rows = source.generated_rows or len(self.load(source))
        except ValueError:
            return 0
        return source.generated_bytes + rows * PLANNING_BYTES_PER_ROW

    def share(self, source: Source) -> None:
        """Copy a data set to the shared cache if other machines cannot read or generate it by themselves."""
        self._loader.share(source)

    def add_upload(
        self,
        name: str,
        upload: Upload,
        contents: Path,
        *,
        owner: str | None = None,
        quota: int | None = None,
    ) -> tuple[DatasetDescription, bool]:
        """Add what `write_contents` wrote to the folder `contents`. Raises NameReserved or QuotaExceeded.

        Returns the description, and whether the upload is a new version.
        """
        self.require_free(name)
        _, is_new = self.uploads.add(name, upload, contents, owner=owner, quota=quota)
        return self.describe(name), is_new

    def require_free(self, name: str) -> None:
        """Raise NameReserved if nothing can be uploaded under a name."""
        owner = self._owner(name)
        if owner is not None:
            raise NameReserved(name, owner)

    def upload_hashes(self, name: str) -> set[str]:
        """The hashes of all versions of an upload. Raises NotUploaded or UnknownDataset."""
        owner = self._owner(name)
        if owner is not None:
            raise NotUploaded(name, owner)
        versions = self.uploads.versions(name)
        if not versions:
            raise unknown_dataset(name, self.datasets)
        return {each.upload.sha256 for each in versions}

    def delete_upload(self, name: str, *, in_use: Container[str] = ()) -> None:
        """Delete an upload, and the prepared splits of its versions unless their hashes are `in_use`.

        Raises NotUploaded or UnknownDataset.
        """
        hashes = self.upload_hashes(name)
        self.uploads.delete(name)
        for sha256 in hashes:
            if sha256 not in in_use:
                shutil.rmtree(self._prepared_splits / sha256, ignore_errors=True)

    def split_counts(self, source: Source, split: Split, fold: Fold = ONLY_FOLD) -> PartCounts:
        """Rows of each class in each part, as `prepare_split` would write them; nothing is written.

        Raises the errors of `load`, TooFewRows or NoOfficialTest.
        """
        return self.fold_counts(source, split, [fold])[fold]

    def fold_counts(
        self, source: Source, split: Split, folds: Iterable[Fold] | None = None
    ) -> dict[Fold, PartCounts]:
        """The same for several folds, by default all of the split."""
        dataset, official_test = self.load(source), self._official(source, split)
        rows_of = self._divided(source, split)
        return {
            fold: _with_official(count_classes(dataset, rows_of(fold)), official_test)
            for fold in folds or split.all_folds
        }

    def prepare_split(self, source: Source, split: Split, fold: Fold = ONLY_FOLD) -> PreparedSplit:
        """All parts but the test part, written on first use, and the class counts of every part.

        Raises the errors of `load`, TooFewRows or NoOfficialTest.
        """
        dataset, official_test = self.load(source), self._official(source, split)
        key = split_key(dataset.sha256, split, source.imbalance, fold)
        folder = self._prepared_splits / dataset.sha256 / key
        prepared = open_split(folder)
        if prepared is None:
            rows = self.split_rows(source, split, fold)
            write = write_split_of_fold if isinstance(split, CrossValidation) else write_split
            prepared = write(dataset, rows, folder)
        mark_used(folder)
        return replace(prepared, counts=_with_official(prepared.counts, official_test))

    def remove_unused_splits(self, seconds: float) -> int:
        """Remove the prepared splits that nobody has used for so long, and return how many."""
        return remove_unused(self._prepared_splits, seconds)

    def test_part(self, source: Source, split: Split) -> Dataset:
        """The held-back rows. Only a test evaluation may read them."""
        return self._official(source, split) or self.load(source).take(self.split_rows(source, split).test)

    def test_digests(self, source: Source, split: Split) -> Digests:
        """The digests of the held-back rows, in the order of `test_part`."""
        official_test = self._official(source, split)
        if official_test is None:
            return self.digests(source)[self.split_rows(source, split).test]
        return self._digests_of(source, official_test)

    def exposed_rows(self, source: Source, split: Split) -> ExposedRows:
        """The rows that an experiment on this split learns from or is chosen by, in any of its folds.

        Raises the errors of `split_rows`.
        """
        sha256 = self.load(source).sha256
        key = split_key(sha256, split, source.imbalance)
        return ExposedRows.of(key, sha256, self.digests(source), self.split_rows(source, split).exposed)

    def repeated_rows(self, source: Source, split: Split) -> dict[Part, int]:
        """How many rows of each part but the test are equal to a training row, in the first fold."""
        key = split_key(self.load(source).sha256, split, source.imbalance)
        found = self._repeated_rows.get(key)
        if found is None:
            found = count_repeated_rows(self.digests(source), self.split_rows(source, split))
            self._repeated_rows.put(key, found)
        return found

    def far_rows(self, source: Source, split: Split, scaling: Scaling) -> FarRowsOfSplit | None:
        """The rows of the measured part of the first fold that a scaling puts far outside of training."""
        dataset = self.load(source)
        key = f"{split_key(dataset.sha256, split, source.imbalance)} {scaling}"
        known = self._far_rows.get(key)
        if known is None:
            known = (far_rows_of_split(dataset, self.split_rows(source, split), scaling),)
            self._far_rows.put(key, known)
        return known[0]

    def gaps(self, source: Source, split: Split) -> tuple[ColumnGaps, ...]:
        """What is missing or unknown in the columns of a table, in the first fold."""
        dataset = self.load(source)
        key = split_key(dataset.sha256, split, source.imbalance)
        known = self._gaps.get(key)
        if known is None:
            known = gaps_of_split(dataset, self.split_rows(source, split)) if dataset.columns else ()
            self._gaps.put(key, known)
        return known

    def input_width(self, source: Source, split: Split, preprocessing: Preprocessing) -> int:
        """The features of a row as a network reads it, in the first fold: those of a table are encoded."""
        dataset = self.load(source)
        key = f"{split_key(dataset.sha256, split, source.imbalance)} {preprocessing}"
        known = self._input_widths.get(key)
        if known is None:
            known = preprocessing.width(dataset, self.split_rows(source, split).train)
            self._input_widths.put(key, known)
        return known

    def split_rows(self, source: Source, split: Split, fold: Fold = ONLY_FOLD) -> SplitRows:
        """The rows of each part, as indices into the data set. Raises the errors of `load`, or TooFewRows."""
        return self._divided(source, split)(fold)

    def _divided(self, source: Source, split: Split) -> Callable[[Fold], SplitRows]:
        """The rows of each part of a fold."""
        dataset = self.load(source)
        arguments = (dataset.labels, self.digests(source), dataset.classes)
        if isinstance(split, CrossValidation):
            return FoldDivider(*arguments, split, source.imbalance).rows
        key = split_key(dataset.sha256, split, source.imbalance)
        rows = self._split_rows.get(key)
        if rows is None:
            if isinstance(split, ThreePartSplit) and split.by is not None:
                rows = split_rows_by_column(dataset, self.digests(source), split, source.imbalance)
            else:
                rows = split_rows(*arguments, split, source.imbalance)
            self._split_rows.put(key, rows)
        found = rows
        return lambda _: found

    def digests(self, source: Source) -> Digests:
        """The digests (n,) of the rows of a data set. Raises the errors of `load`."""
        return self._digests_of(source, self.load(source))

    def _digests_of(self, source: Source, content: Dataset) -> Digests:
        folder = source.resolved(self.datasets).content_folder(self.datasets, self._cache)
        return self._digests.digests(content, folder / content.sha256 if folder else None)

    def _official(self, source: Source, split: Split) -> Dataset | None:
        """The official test part if the split asks for it. Raises NoOfficialTest."""
        if split.test != "official":
            return None
        official_test = self.official_test(source)
        if official_test is None:
            raise NoOfficialTest(source.name)
        return official_test

    def _owner(self, name: str) -> str | None:
        """What already owns this name; None if it is free or an upload."""
        if name in BUNDLED:
            return "a bundled data set"
        if name == Synthetic.kind:
            return "the generated data set"
        is_folder = (self.datasets / name).exists() and not self.uploads.versions(name)
        return "a folder of files" if is_folder else None


def _describe_upload(name: str, versions: tuple[Version, ...]) -> DatasetDescription:
    """The description of an upload, from its record alone: no content is opened."""
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
