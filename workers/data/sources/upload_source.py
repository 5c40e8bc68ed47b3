"""An uploaded data set as a source: what a name means if an upload has it."""

from pathlib import Path
from typing import ClassVar

from workers.data.sources.source import Contents, Source
from workers.data.sources.upload_store import UploadStore, Version
from workers.tagged_union import variant


@variant
class UploadSource(Source):
    """One version of an upload. A spec gives its name, and may pin its hash; `Folder.resolved` finds the version."""

    kind: ClassVar = "upload"

    version: Version

    def read(self, datasets: Path) -> Contents:
        return UploadStore(datasets).open(self.name, self.version)

    def signature(self, datasets: Path) -> str:
        return repr((self.name, self.version.upload.hashes))

    def content_folder(self, datasets: Path, cache: Path) -> Path:
        return datasets / self.name
