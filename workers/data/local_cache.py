"""What was parsed once: folders named by the hash of their content, and which source led to which."""

import json
import shutil
from pathlib import Path

from workers.data.dataset import Dataset
from workers.data.dataset_files import let_go, open_dataset, save_dataset, whole_folder, write_whole
from workers.data.shared_cache import SharedCache, damaged
from workers.data.sources.source import Contents, Source

UNUSABLE = (OSError, EOFError, ValueError, KeyError, TypeError)
"""What opening an absent or damaged file may raise."""


class LocalCache:
    """Keeps parsed data sets under `folder`; several processes may use it at once.

    <sha256>/ holds one content; sources/NAME.json says which contents NAME had, and the signature that its
    source had then. A signature that differs, or content that is damaged, means reading the source again.
    What is here can be put into a `depot`, and what another machine has put there be fetched.
    """

    def __init__(self, folder: Path, depot: SharedCache | None = None) -> None:
        self.folder, self.depot = folder, depot

    def contents(self, source: Source, datasets: Path) -> Contents:
        """What `source` holds, memory-mapped; read from `datasets` only if it is not here yet."""
        # Taken before reading: files that change meanwhile are then read again next time.
        signature = source.signature(datasets)
        return self._find(source.name, signature) or self._store(source, signature, datasets)

    def share(self, contents: Contents, shelf: Path) -> None:
        """Put contents into the depot, if there is one; `shelf` has a folder for each of their hashes."""
        if self.depot is not None:
            official_test = contents.official_test.sha256 if contents.official_test else None
            self.depot.keep(shelf, contents.dataset.sha256, official_test)

    def fetch(self, name: str, sha256: str) -> Contents | None:
        """The contents that the depot has under a hash; what is here already is not copied again."""
        hashes = self.depot.hashes(sha256) if self.depot is not None else ()
        fetched = [self._fetched(each, name) for each in hashes]
        return Contents(*fetched) if fetched else None

    def _fetched(self, sha256: str, name: str) -> Dataset:
        assert self.depot is not None  # noqa: S101 -- where else would the hash be from
        try:
            return self._open(sha256, name)
        except UNUSABLE:
            shutil.rmtree(self.folder / sha256, ignore_errors=True)
        with whole_folder(self.folder / sha256) as draft:
            self.depot.fetch(sha256, draft)
        try:
            return self._open(sha256, name)
        except UNUSABLE:
            raise damaged(sha256, "is not what its name says") from None

    def _find(self, name: str, signature: str) -> Contents | None:
        try:
            entry = json.loads(self._entry(name).read_text())
            if entry["signature"] != signature:
                return None
            dataset, official_test = self._open(entry["dataset"], name), entry["official_test"]
            return Contents(dataset, self._open(official_test, name) if official_test else None)
        except UNUSABLE:
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
        write_whole(self._entry(source.name), json.dumps(entry))
        return stored

    def _save(self, dataset: Dataset) -> Dataset:
        target = self.folder / dataset.sha256
        if target.is_dir():
            try:
                return self._open(dataset.sha256, dataset.name)
            except UNUSABLE:
                shutil.rmtree(target)
        with whole_folder(target) as draft:
            save_dataset(dataset, draft)
        return self._open(dataset.sha256, dataset.name)

    def _open(self, sha256: str, name: str) -> Dataset:
        dataset = open_dataset(self.folder / sha256, name)
        if dataset.sha256 != sha256:
            raise ValueError(f"the content of {sha256} is damaged")
        let_go(dataset)  # all of it was read for its hash
        return dataset

    def _entry(self, name: str) -> Path:
        return self.folder / "sources" / f"{name}.json"
