"""Receives uploaded data sets: writes the form to disk, reads it in a separate process, stores it as a new version.

UploadError
├── UnusableUpload      the files cannot be read
│   └── UploadTooLarge  ... or need more memory or time than the service allows
├── UploadsBusy         the service already receives as many uploads as it allows at once
└── StorageFull         the disk is full
"""

import errno
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import Request

from service.datasets.upload_form import FIELDS, FILES, format_of, name_of
from service.http.forms import receive
from service.settings import Settings
from service.store import experiment_reader
from service.store.database import Database
from service.store.errors import DatasetInUse
from workers.data.errors import FileTooLarge
from workers.data.formats import Format
from workers.data.registry import DatasetDescription, DatasetRegistry
from workers.data.sources.upload_store import Upload
from workers.sandbox.client import SandboxClient, SandboxFailed
from workers.sandbox.protocol import ReadRequest, ReadResult
from workers.validation.errors import FieldError

log = logging.getLogger("holdout.uploads")

MAX_CONCURRENT = 4


class UploadError(ValueError):
    """An upload that is refused."""


class UnusableUpload(UploadError):
    """The files cannot be read. `errors` gives the place and what would be right."""

    def __init__(self, where: str, message: str) -> None:
        self.field_errors = (FieldError(where, None, message),)
        super().__init__(f"{where}: {message}")


class UploadTooLarge(UnusableUpload):
    """The files contain more than the service stores, or need more memory or time to read than it allows."""


class UploadsBusy(UploadError):
    """The service already receives as many uploads as it takes at once."""

    def __init__(self) -> None:
        super().__init__(f"{MAX_CONCURRENT} uploads are being received already. Try again in a moment.")


class StorageFull(UploadError):
    """The disk has no room for the upload."""

    def __init__(self) -> None:
        super().__init__("The disk of the data folder is full.")


class UploadService:
    """Adds uploads to a registry, a few at a time."""

    def __init__(self, registry: DatasetRegistry, settings: Settings) -> None:
        self.registry, self.settings = registry, settings
        self._sandbox = SandboxClient()
        self._free = threading.Semaphore(MAX_CONCURRENT)

    def receive(self, request: Request) -> tuple[DatasetDescription, bool]:
        """Store the data set in the form of a request. Returns its facts, and whether this is a new version.

        Raises UploadError, NameReserved, and the errors of `service.http.forms.receive`.
        """
        limit = self.settings.max_upload_bytes
        with self._slot(), self.registry.uploads.draft() as draft:
            received = draft / "received"
            received.mkdir()
            form = receive(request, received, fields=FIELDS, files=FILES, limit=limit)
            name, file_format = name_of(form), format_of(form)
            for part in form.empty - {*file_format.required}:
                (received / part).unlink()
            self.registry.require_free(name)
            # Messages name a file by its folder, so the folder has the name of the data set.
            (draft / "files").mkdir()
            files = received.rename(draft / "files" / name)
            upload = self._read(files, file_format, draft / "contents")
            return self.registry.add_upload(name, upload, draft / "contents")

    def close(self) -> None:
        """Stop the process that reads uploads."""
        self._sandbox.close()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Raises UploadsBusy if too many uploads are under way, and StorageFull if the disk fills up."""
        if not self._free.acquire(blocking=False):
            raise UploadsBusy
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StorageFull from None
        finally:
            self._free.release()

    def _read(self, files: Path, file_format: Format, contents: Path) -> Upload:
        """Read the files into `contents`, in a process with limited memory and time. Raises UnusableUpload."""
        memory, seconds = self.settings.upload_memory_bytes, self.settings.upload_seconds
        started = time.monotonic()
        try:
            result = self._sandbox.read(ReadRequest(files, contents, file_format, memory, seconds))
        except SandboxFailed:
            log.warning("%s: reading it as %s was broken off", files.name, file_format.name)
            message = f"could not be read within {seconds} seconds; send less at once"
            raise UploadTooLarge(files.name, message) from None
        used = 1000 * (time.monotonic() - started), 1000 * result.cpu_seconds, result.peak_bytes / 1e6
        log.info(
            "%s: read as %s in %.0f ms (%.0f of a processor), %.1f MB", files.name, file_format.name, *used
        )
        return self._upload_of(files.name, file_format, result)

    def _upload_of(self, name: str, file_format: Format, result: ReadResult) -> Upload:
        """The upload that was read. Raises UnusableUpload."""
        if result.upload is not None:
            return result.upload
        if result.out_of_memory:
            limit = self.settings.upload_memory_bytes
            raise UploadTooLarge(name, f"needs more than the {limit:,} bytes of memory that reading may take")
        if result.refusal is None:
            raise UnusableUpload(
                name, f"could not be read as {file_format.name}; the log of the service says why"
            )
        refusal = result.refusal
        error = UploadTooLarge if isinstance(refusal, FileTooLarge) else UnusableUpload
        raise error(refusal.file, f"{refusal.wrong}; {refusal.right}")


def delete_upload(name: str, registry: DatasetRegistry, database: Database) -> None:
    """Delete all versions of an uploaded data set. Raises UnknownDataset, NotUploaded, or DatasetInUse.

    If an experiment is submitted at the same time, its data may be gone: its runs then fail as `dataset_missing`.
    """
    hashes = registry.upload_hashes(name)
    with database.read() as connection:
        experiments = experiment_reader.experiments_on(connection, hashes)
    using = [row.id for row in experiments if row.dataset == name]
    if using:
        raise DatasetInUse(name, using)
    registry.delete_upload(name, in_use={row.sha256 for row in experiments})
