"""The data sets that there are: what a name means, and the parts that a run is given."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from re import fullmatch
from threading import Lock

from pydantic import TypeAdapter, ValidationError

from workers.data.cache import Cache
from workers.data.dataset import Dataset
from workers.data.errors import DatasetChanged, NoOfficialTest, UnknownDataset
from workers.data.parts import (
    Counts,
    PreparedParts,
    held_back,
    open_parts,
    part_counts,
    parts_key,
    write_parts,
)
from workers.data.sources import BUNDLED, AnySource, Contents, Source
from workers.data.sources.folder import NAME
from workers.data.splits import OfficialSplit, Split, split_rows
from workers.nn.arrays import Shape

SOURCE: TypeAdapter[Source] = TypeAdapter(AnySource)
KEPT = 4
"""Data sets held open at a time; those from folders are memory-mapped and cost little."""


@dataclass(frozen=True)
class Facts:
    """What is to be known of a data set before it is used. `official_test` counts rows, 0 for none."""

    name: str
    source: str
    rows: int
    features: int
    shape: Shape | None
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    sha256: str
    official_test: int


class Library:
    """Data sets under `data_dir`: datasets/NAME holds files, cache/ what was parsed, parts/ what runs read.

    Several processes and threads may use one folder at once.
    """

    def __init__(self, data_dir: Path) -> None:
        self.datasets = data_dir / "datasets"
        self._cache = Cache(data_dir / "cache")
        self._parts = data_dir / "parts"
        self._open: OrderedDict[str, Contents] = OrderedDict()
        self._lock = Lock()

    def names(self) -> list[str]:
        """Every name that can be loaded: the bundled ones, `synthetic`, and the folders."""
        own = [*BUNDLED, "synthetic"]
        there = self.datasets.iterdir() if self.datasets.is_dir() else ()
        folders = sorted(path.name for path in there if path.is_dir() and fullmatch(NAME, path.name))
        return own + [name for name in folders if name not in own]

    def describe(self, name: str) -> Facts:
        """The facts of a data set, with the defaults of its source. Raises what `load` does."""
        try:
            source = SOURCE.validate_python(name)
        except ValidationError:
            raise self._unknown(name) from None
        dataset, official_test = self._contents(source)
        return Facts(
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

    def counts(self, source: Source, split: Split) -> Counts:
        """Rows of each class in each part, as a run would have them; nothing is written."""
        dataset, official_test = self.load(source), self._official(source, split)
        rows = split_rows(dataset.labels, dataset.classes, split, source.imbalance)
        return _with_official(part_counts(dataset, rows), official_test)

    def parts(self, source: Source, split: Split) -> PreparedParts:
        """The parts that a run trains and validates on, and every part's counts; written on first use."""
        dataset, official_test = self.load(source), self._official(source, split)
        folder = self._parts / parts_key(dataset.sha256, split, source.imbalance)
        there = open_parts(folder)
        if there is None:
            rows = split_rows(dataset.labels, dataset.classes, split, source.imbalance)
            there = write_parts(dataset, rows, folder)
        return replace(there, counts=_with_official(there.counts, official_test))

    def test_part(self, source: Source, split: Split) -> Dataset:
        """The held-back rows, for a test evaluation and nothing else."""
        return self._official(source, split) or held_back(self.load(source), split, source.imbalance)

    def _official(self, source: Source, split: Split) -> Dataset | None:
        if not isinstance(split, OfficialSplit):
            return None
        official_test = self.official_test(source)
        if official_test is None:
            raise NoOfficialTest(source.name)
        return official_test

    def _contents(self, source: Source) -> Contents:
        if not source.present(self.datasets):
            raise self._unknown(source.name)
        contents = self._read(source)
        found = contents.dataset.sha256
        if source.sha256 not in (None, found):
            raise DatasetChanged(source.name, source.sha256, found)
        return contents

    def _read(self, source: Source) -> Contents:
        signature = source.signature(self.datasets)
        with self._lock:
            if signature in self._open:
                self._open.move_to_end(signature)
                return self._open[signature]
        contents = (
            self._cache.contents(source, self.datasets) if source.parsed_once else source.read(self.datasets)
        )
        with self._lock:
            self._open[signature] = contents
            while len(self._open) > KEPT:
                self._open.popitem(last=False)
        return contents

    def _unknown(self, name: str) -> UnknownDataset:
        known = self.names()
        nearest = get_close_matches(name, known, n=1)
        return UnknownDataset(name, tuple(known), nearest[0] if nearest else None, "DATA_DIR/datasets/NAME")


def _with_official(counts: Counts, official_test: Dataset | None) -> Counts:
    return counts if official_test is None else {**counts, "test": official_test.counts.tolist()}
