"""The depot: parsed data sets by the hash of their content, where every machine finds them.

datasets/SHA256/features.npy, labels.npy, meta.json   one content
datasets/SHA256.json                                  which official test part belongs to it; written last
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from workers.data.errors import MalformedFile

CONTENT_FILES = ("features.npy", "labels.npy", "meta.json")


class BlobFiles(Protocol):
    """A place for files that every machine reaches; each is there whole, or not at all."""

    def read(self, name: str) -> bytes | None:
        """The content of a file, None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Store a file, in the place of one of that name."""

    def get(self, name: str, file: Path) -> None:
        """Copy a stored file to a local one. Raises FileNotFoundError."""

    def put(self, file: Path, name: str) -> None:
        """Store a copy of a local file."""


class SharedCache:
    """Copies folders that `save_dataset` wrote to and from a place for files."""

    def __init__(self, files: BlobFiles) -> None:
        self.files = files

    def keep(self, cache: Path, sha256: str, official_test: str | None) -> None:
        """Store the contents in the folders `cache`/HASH, unless they are there."""
        record = json.dumps({"official_test": official_test}).encode()
        if self.files.read(f"datasets/{sha256}.json") == record:
            return
        for each in filter(None, (official_test, sha256)):
            for part in CONTENT_FILES:
                self.files.put(cache / each / part, f"datasets/{each}/{part}")
        self.files.write(f"datasets/{sha256}.json", record)

    def hashes(self, sha256: str) -> Iterator[str]:
        """Of a data set that is kept: its hash and, if it has one, that of its official test part. Else nothing."""
        record = self.files.read(f"datasets/{sha256}.json")
        if record is not None:
            yield sha256
            yield from filter(None, [json.loads(record)["official_test"]])

    def fetch(self, sha256: str, folder: Path) -> None:
        """Copy one content into an empty folder. Raises MalformedFile where a file of it is missing."""
        for part in CONTENT_FILES:
            try:
                self.files.get(f"datasets/{sha256}/{part}", folder / part)
            except FileNotFoundError:
                raise damaged(sha256, f"lacks {part}") from None


def damaged(sha256: str, wrong: str) -> MalformedFile:
    """What to say of a content that cannot be used."""
    right = f"remove datasets/{sha256}.json there, and submit again where the data set is"
    return MalformedFile(f"datasets/{sha256} in the artifact store", wrong, right)
