"""Stores uploads: the versions of each name, each content in a folder that is named by its hash.

NAME/versions.json    every version, the newest last; a name that has it was uploaded
NAME/SHA256/          one content, as `save_dataset` writes it; an official test part likewise
NAME/SHA256/schema.json  of a table: its columns as they were taken, and the doubts about them
.upload-*/            an upload that is being received and read; not a data set yet
.removed-*/           an upload that is being deleted
"""

import fcntl
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workers.data.dataset import Dataset
from workers.data.dataset_files import open_dataset, save_dataset, write_atomically
from workers.data.errors import MalformedFile, NameReserved
from workers.data.sources.source import Contents
from workers.data.tables.schema import TableSchema
from workers.nn.arrays import Shape

SCHEMA = "schema.json"
ABANDONED_AFTER_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Upload:
    """One content. rows, shape, classes, counts (K,) and the hash sha256 describe the rows that a split divides.

    official_test: the hash of the official test part, None if there is none; official_test_rows: its rows.
    """

    format: str
    sha256: str
    rows: int
    features: int
    shape: Shape | None
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    official_test: str | None
    official_test_rows: int

    @classmethod
    def of(cls, contents: Contents, file_format: str) -> "Upload":
        dataset, official_test = contents
        return cls(
            format=file_format,
            sha256=dataset.sha256,
            rows=len(dataset),
            features=dataset.features.shape[1],
            shape=dataset.shape,
            classes=dataset.classes,
            counts=tuple(dataset.counts.tolist()),
            official_test=official_test.sha256 if official_test else None,
            official_test_rows=len(official_test) if official_test else 0,
        )

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Upload":
        """The inverse of `asdict`, after a round trip through JSON."""
        shape = given["shape"] and tuple(given["shape"])
        sequences = {"shape": shape, "classes": tuple(given["classes"]), "counts": tuple(given["counts"])}
        return cls(**{**given, **sequences})

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hash of the data set and, if it has one, of its official test part."""
        return (self.sha256,) if self.official_test is None else (self.sha256, self.official_test)


@dataclass(frozen=True)
class Version:
    """A stored upload. number: from 1 within its name; uploaded_at: seconds since 1970.

    owner: who uploaded it, and size: the disk that it takes, in bytes; None and 0 in records of earlier versions.
    """

    number: int
    upload: Upload
    uploaded_at: float = field(default_factory=time.time)
    owner: str | None = None
    size: int = 0

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Version":
        """The inverse of `asdict`, after a round trip through JSON."""
        return cls(**{**given, "upload": Upload.from_json(given["upload"])})


class QuotaExceeded(ValueError):
    """The uploads of one owner would take more disk than they may."""

    def __init__(self, owner: str, used: int, size: int, quota: int) -> None:
        super().__init__(
            f"The uploads of {owner} take {used:,} bytes of the {quota:,} that they may, and this one would take "
            f"{size:,} more. Delete data sets that are not needed."
        )


def write_contents(
    contents: Contents, file_format: str, folder: Path, schema: TableSchema | None = None
) -> Upload:
    """Write contents, and the schema of a table, to a new `folder`, from which `UploadStore.add` takes them."""
    folder.mkdir()
    for dataset in filter(None, contents):
        save_dataset(dataset, folder / dataset.sha256)
    if schema is not None:
        write_atomically(folder / contents.dataset.sha256 / SCHEMA, json.dumps(schema.to_json()))
    return Upload.of(contents, file_format)


class UploadStore:
    """The uploaded data sets in the folder `datasets`. Several processes and threads may use it at once."""

    def __init__(self, datasets: Path) -> None:
        self.datasets = datasets

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder to receive an upload in; deleted afterwards with everything left in it."""
        self.datasets.mkdir(parents=True, exist_ok=True)
        self._delete_abandoned()
        with tempfile.TemporaryDirectory(prefix=".upload-", dir=self.datasets) as folder:
            yield Path(folder)

    def versions(self, name: str) -> tuple[Version, ...]:
        """Every version of a name, the newest last; none if nothing was uploaded under it."""
        try:
            stored = json.loads(self._record(name).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(map(Version.from_json, stored))

    def find_version(self, name: str, sha256: str | None) -> Version | None:
        """The newest version with this hash; the newest of all if none has it or `sha256` is None."""
        versions = self.versions(name)
        matching = [each for each in versions if each.upload.sha256 == sha256] or versions
        return matching[-1] if matching else None

    def open(self, name: str, version: Version) -> Contents:
        """Open the content of a version, memory-mapped. Raises MalformedFile if it is damaged."""
        return Contents(*(self._open(name, sha256) for sha256 in version.upload.hashes))

    def schema(self, name: str, version: Version) -> TableSchema | None:
        """The schema of a version; None if it is no table, or was stored before there were schemas."""
        file = self.datasets / name / version.upload.sha256 / SCHEMA
        try:
            return TableSchema.from_json(json.loads(file.read_text()))
        except FileNotFoundError:
            return None

    def used_by(self, owner: str) -> int:
        """How much disk the uploads of an owner take, in bytes."""
        names = (record.parent.name for record in self.datasets.glob("*/versions.json"))
        return sum(each.size for name in names for each in self.versions(name) if each.owner == owner)

    def add(
        self,
        name: str,
        upload: Upload,
        contents: Path,
        *,
        owner: str | None = None,
        quota: int | None = None,
    ) -> tuple[Version, bool]:
        """Move what `write_contents` wrote to the folder `contents` into the store.

        Returns the version and whether it is new: the same content again is the old version. Raises NameReserved if
        `name` is a folder of files, and QuotaExceeded if the owner's uploads would take more than `quota` bytes.
        """
        with self._locked():
            versions = self.versions(name)
            if not versions and (self.datasets / name).exists():
                raise NameReserved(name, "a folder of files")
            known = next((each for each in versions if each.upload.hashes == upload.hashes), None)
            version = known or Version(len(versions) + 1, upload, owner=owner, size=_disk_bytes(contents))
            if not known and owner is not None and quota is not None:
                self._require_quota(owner, version.size, quota)
            if not versions:
                _write(contents / "versions.json", [version])
                contents.rename(self.datasets / name)
            else:
                self._move_contents(name, upload, contents)
                if not known:
                    _write(self._record(name), [*versions, version])
        return version, known is None

    def delete(self, name: str) -> None:
        """Delete a name with all its versions, if it exists. Memory-mapped contents stay readable."""
        with tempfile.TemporaryDirectory(prefix=".removed-", dir=self.datasets) as folder, self._locked():
            if self._record(name).exists():
                (self.datasets / name).rename(Path(folder) / name)

    def _require_quota(self, owner: str, size: int, quota: int) -> None:
        used = self.used_by(owner)
        if used + size > quota:
            raise QuotaExceeded(owner, used, size, quota)

    def _move_contents(self, name: str, upload: Upload, contents: Path) -> None:
        """Move contents into the store; those it has already stay, unless they are damaged."""
        for sha256 in set(upload.hashes):
            target = self.datasets / name / sha256
            if target.exists():
                try:
                    self._open(name, sha256)
                except MalformedFile:
                    shutil.rmtree(target)
            if not target.exists():
                (contents / sha256).rename(target)

    def _open(self, name: str, sha256: str) -> Dataset:
        try:
            dataset = open_dataset(self.datasets / name / sha256, name)
            intact = dataset.sha256 == sha256
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            intact = False
        if not intact:
            raise MalformedFile(f"{name}/{sha256}", "is damaged", "upload the same again")
        return dataset

    def _record(self, name: str) -> Path:
        return self.datasets / name / "versions.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the store: one writer at a time, among all threads and processes."""
        with (self.datasets / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _delete_abandoned(self) -> None:
        """Delete the folders that killed processes have left behind."""
        for pattern in (".upload-*", ".removed-*"):
            for folder in self.datasets.glob(pattern):
                with suppress(FileNotFoundError):
                    if folder.stat().st_mtime < time.time() - ABANDONED_AFTER_SECONDS:
                        shutil.rmtree(folder)


def _write(record: Path, versions: list[Version]) -> None:
    write_atomically(record, json.dumps([asdict(version) for version in versions]))


def _disk_bytes(folder: Path) -> int:
    """The disk that a folder takes, with all that is in it."""
    return sum(512 * path.lstat().st_blocks for path in (folder, *folder.rglob("*")))
