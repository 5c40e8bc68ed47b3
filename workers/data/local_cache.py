"""The local cache: parsed data sets in folders named by their content's hash, and which source had which content."""

import json
import shutil
from pathlib import Path

from workers.data.dataset import Dataset
from workers.data.dataset_files import atomic_folder, drop_pages, open_dataset, save_dataset, write_atomically
from workers.data.shared_cache import SharedCache, damaged_content
from workers.data.sources.source import Contents, Source

DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError)
"""The errors that opening an absent or damaged file may raise."""


class LocalCache:
    """Caches parsed data sets under `folder`; several processes may use it at once.

    <sha256>/ holds one content; sources/NAME.json says which contents NAME had, and the signature that its
    source had then. If the signature differs or the content is damaged, the source is read again.
    The `shared` cache takes copies of contents, and delivers those that other machines put there.
    """

    def __init__(self, folder: Path, shared: SharedCache | None = None) -> None:
        self.folder, self.shared = folder, shared

    def load(self, source: Source, datasets: Path) -> Contents:
        """The contents of `source`, memory-mapped; read from `datasets` and stored if they are not cached yet."""
        # Computed before reading: files that change meanwhile are then read again next time.
        signature = source.signature(datasets)
        return self._find(source.name, signature) or self._store(source, signature, datasets)

    def share(self, contents: Contents, folder: Path) -> None:
        """Copy contents to the shared cache, if there is one; `folder` has a folder for each of their hashes."""
        if self.shared is not None:
            official_test = contents.official_test.sha256 if contents.official_test else None
            self.shared.put(folder, contents.dataset.sha256, official_test)

    def fetch(self, name: str, sha256: str) -> Contents | None:
        """The contents that the shared cache has under a hash. Cached ones are not copied again."""
        hashes = self.shared.hashes(sha256) if self.shared is not None else ()
        fetched = [self._fetch_one(each, name) for each in hashes]
        return Contents(*fetched) if fetched else None

    def _fetch_one(self, sha256: str, name: str) -> Dataset:
        assert self.shared is not None  # noqa: S101 -- the hash came from it
        try:
            return self._open(sha256, name)
        except DAMAGED:
            shutil.rmtree(self.folder / sha256, ignore_errors=True)
        with atomic_folder(self.folder / sha256) as draft:
            self.shared.fetch(sha256, draft)
        try:
            return self._open(sha256, name)
        except DAMAGED:
            raise damaged_content(sha256, "is not what its name says") from None

    def _find(self, name: str, signature: str) -> Contents | None:
        try:
            entry = json.loads(self._entry(name).read_text())
            if entry["signature"] != signature:
                return None
            dataset, official_test = self._open(entry["dataset"], name), entry["official_test"]
            return Contents(dataset, self._open(official_test, name) if official_test else None)
        except DAMAGED:
            return None

    def _store(self, source: Source, signature: str, datasets: Path) -> Contents:
        read = source.read(datasets)
        stored = Contents(
            self._save(read.dataset), self._save(read.official_test) if read.official_test else None
        )
        entry = {
            "signature": signature,
            "dataset": stored.dataset.sha256,
            "official_test": stored.official_test.sha256 if stored.official_test else None,
        }
        write_atomically(self._entry(source.name), json.dumps(entry))
        return stored

    def _save(self, dataset: Dataset) -> Dataset:
        target = self.folder / dataset.sha256
        if target.is_dir():
            try:
                return self._open(dataset.sha256, dataset.name)
            except DAMAGED:
                shutil.rmtree(target)
        with atomic_folder(target) as draft:
            save_dataset(dataset, draft)
        return self._open(dataset.sha256, dataset.name)

    def _open(self, sha256: str, name: str) -> Dataset:
        dataset = open_dataset(self.folder / sha256, name)
        if dataset.sha256 != sha256:
            raise ValueError(f"the content of {sha256} is damaged")
        drop_pages(dataset)  # the hash has read all of it
        return dataset

    def _entry(self, name: str) -> Path:
        return self.folder / "sources" / f"{name}.json"
