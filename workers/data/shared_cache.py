"""The shared cache: parsed data sets by the hash of their content, in storage that every machine reaches.

datasets/SHA256/features.npy, labels.npy, meta.json   one content; of a regression targets.npy too
datasets/SHA256.json                                  which official test part belongs to it; written last
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from workers.data.errors import MalformedFile

CONTENT_FILES = ("features.npy", "labels.npy", "meta.json")
FILES_OF_SOME = ("targets.npy",)
"""Only a content with targets has them; the hash tells if they are missing."""


class BlobFiles(Protocol):
    """Storage for files that every machine reaches. Each file exists completely, or not at all."""

    def read(self, name: str) -> bytes | None:
        """The content of a file, None if there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Store a file; it replaces one of the same name."""

    def get(self, name: str, file: Path) -> None:
        """Copy a stored file to a local one. Raises FileNotFoundError."""

    def put(self, file: Path, name: str) -> None:
        """Store a copy of a local file."""


class SharedCache:
    """Copies folders that `save_dataset` wrote to and from shared storage."""

    def __init__(self, files: BlobFiles) -> None:
        self.files = files

    def put(self, folder: Path, sha256: str, official_test: str | None) -> None:
        """Store the contents in `folder`/HASH, unless they are stored already."""
        record = json.dumps({"official_test": official_test}).encode()
        if self.files.read(f"datasets/{sha256}.json") == record:
            return
        for each in filter(None, (official_test, sha256)):
            there = [file for file in FILES_OF_SOME if (folder / each / file).exists()]
            for file in (*CONTENT_FILES, *there):
                self.files.put(folder / each / file, f"datasets/{each}/{file}")
        self.files.write(f"datasets/{sha256}.json", record)

    def hashes(self, sha256: str) -> Iterator[str]:
        """The hashes of a stored data set and, if it has one, of its official test part. None if not stored."""
        record = self.files.read(f"datasets/{sha256}.json")
        if record is not None:
            yield sha256
            yield from filter(None, [json.loads(record)["official_test"]])

    def fetch(self, sha256: str, folder: Path) -> None:
        """Copy one content into an empty folder. Raises MalformedFile if one of its files is missing."""
        for file in CONTENT_FILES:
            try:
                self.files.get(f"datasets/{sha256}/{file}", folder / file)
            except FileNotFoundError:
                raise damaged_content(sha256, f"lacks {file}") from None
        for file in FILES_OF_SOME:
            with suppress(FileNotFoundError):
                self.files.get(f"datasets/{sha256}/{file}", folder / file)


def damaged_content(sha256: str, wrong: str) -> MalformedFile:
    """The error for a stored content that cannot be used."""
    right = f"remove datasets/{sha256}.json there, and submit again where the data set is"
    return MalformedFile(f"datasets/{sha256} in the artifact store", wrong, right)
