"""Receives uploaded data sets: writes the form to disk, reads it in a separate process, stores it as a new version.

UploadError
├── UnusableUpload      the files cannot be read
│   └── UploadTooLarge  ... or need more memory or time than the service allows
├── OpenQuestions       a table may mean several things, and the form does not say which
└── UploadsBusy         the service already receives as many uploads as it allows at once, in all or of this owner
"""

import errno
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fastapi import Request

from service.datasets.upload_form import FIELDS, FILES, JOINERS, format_name, format_of, name_of
from service.free_space import FreeSpace, StorageFull
from service.http.forms import receive
from service.settings import Settings
from service.store import experiment_reader
from service.store.credentials.tokens import Caller
from service.store.database import Database
from service.store.errors import DatasetInUse
from workers.data.errors import FileTooLarge
from workers.data.formats import Format
from workers.data.registry import DatasetDescription, DatasetRegistry
from workers.data.sources.upload_store import QuotaExceeded, Upload
from workers.data.tables.schema import Doubt, TableSchema
from workers.sandbox.client import SandboxClient, SandboxFailed
from workers.sandbox.protocol import ReadRequest, ReadResult, RecogniseRequest
from workers.validation.errors import FieldError

log = logging.getLogger("holdout.uploads")

MAX_CONCURRENT = 4
MAX_CONCURRENT_PER_OWNER = 2


class UploadError(ValueError):
    """An upload that is refused."""


class UnusableUpload(UploadError):
    """The files cannot be read. `errors` gives the place and what would be right."""

    def __init__(self, where: str, message: str) -> None:
        self.field_errors = (FieldError(where, None, message),)
        super().__init__(f"{where}: {message}")


class UploadTooLarge(UnusableUpload):
    """The files contain more than the service stores, or need more memory or time to read than it allows."""


class OpenQuestions(UploadError):
    """A table may mean several things. `field_errors` gives each question, and the form field that answers it."""

    def __init__(self, questions: Sequence[Doubt]) -> None:
        self.questions = questions
        self.field_errors = [FieldError(each.choices[0].field, None, each.text) for each in questions]
        super().__init__(" ".join(error.message for error in self.field_errors))


class UploadsBusy(UploadError):
    """The service already receives as many uploads as it takes at once."""

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_CONCURRENT} uploads are being received already, or {MAX_CONCURRENT_PER_OWNER} of yours. Try again "
            "in a moment."
        )


class NotTheOwner(PermissionError):
    """Only its owner or an admin may delete an upload."""

    def __init__(self, name: str, caller: str) -> None:
        super().__init__(
            f"Not all versions of data set '{name}' were uploaded by {caller}. Deleting it needs a token with the "
            "scope admin."
        )


@dataclass(frozen=True)
class Inspected:
    """What reading an upload gave. schema: of a table. upload: None while a question of the schema is open."""

    name: str
    format: str
    upload: Upload | None
    schema: TableSchema | None


class UploadService:
    """Adds uploads to a registry, a few at a time."""

    def __init__(self, registry: DatasetRegistry, settings: Settings, space: FreeSpace) -> None:
        self.registry, self.settings, self.space = registry, settings, space
        self.sandbox = SandboxClient()
        self._receiving: Counter[str] = Counter()
        self._lock = threading.Lock()

    def receive(self, request: Request, owner: str) -> tuple[DatasetDescription, bool]:
        """Store the data set in the form of a request. Returns its facts, and whether this is a new version.

        Raises UploadError, StorageFull, QuotaExceeded, NameReserved, and the errors of `service.http.forms.receive`.
        """
        with self._read(request, owner) as (inspected, contents):
            if inspected.upload is None:
                raise OpenQuestions(inspected.schema.questions if inspected.schema else ())
            quota = self.settings.upload_quota_bytes
            return self.registry.add_upload(
                inspected.name, inspected.upload, contents, owner=owner, quota=quota
            )

    def inspect(self, request: Request, owner: str) -> Inspected:
        """Read the data set in the form of a request; store nothing. Raises the errors of `receive`."""
        with self._read(request, owner) as (inspected, _):
            return inspected

    @contextmanager
    def _read(self, request: Request, owner: str) -> Iterator[tuple[Inspected, Path]]:
        """Receive the form of a request and read its files. The folder with the contents exists within the block."""
        limit, seconds = self.settings.max_upload_bytes, self.settings.upload_transfer_seconds
        self._require_room(request, owner)
        with self.slot(owner), self.registry.uploads.draft() as draft:
            received = draft / "received"
            received.mkdir()
            form = receive(
                request, received, fields=FIELDS, files=FILES, limit=limit, seconds=seconds, joiners=JOINERS
            )
            name, wanted = name_of(form), format_name(form)
            self.registry.require_free(name)
            # Messages name a file by its folder, so the folder has the name of the data set.
            (draft / "files").mkdir()
            files = received.rename(draft / "files" / name)
            file_format = format_of(form, wanted or self._recognised(files))
            for part in form.empty - {*file_format.required}:
                (files / part).unlink()
            result = self._read_files(files, file_format, draft / "contents")
            yield Inspected(name, file_format.name, result.upload, result.schema), draft / "contents"

    def close(self) -> None:
        """Stop the process that reads uploads."""
        self.sandbox.close()

    def _require_room(self, request: Request, owner: str) -> None:
        """Raise StorageFull or QuotaExceeded if even the files as they are sent have no room."""
        declared = request.headers.get("content-length", "")
        size = int(declared[:20]) if declared.isdecimal() else 0
        if size > self.settings.max_upload_bytes:
            return  # it is refused for that
        self.space.require(size)
        used, quota = self.registry.uploads.used_by(owner), self.settings.upload_quota_bytes
        if used >= quota:
            raise QuotaExceeded(owner, used, size, quota)

    @contextmanager
    def slot(self, owner: str) -> Iterator[None]:
        """Raises UploadsBusy if too many uploads are under way, and StorageFull if the disk fills up."""
        with self._lock:
            if (
                self._receiving.total() >= MAX_CONCURRENT
                or self._receiving[owner] >= MAX_CONCURRENT_PER_OWNER
            ):
                raise UploadsBusy
            self._receiving[owner] += 1
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StorageFull from None
        finally:
            with self._lock:
                self._receiving -= Counter([owner])

    def _recognised(self, files: Path) -> str:
        """The format of the file, by its first bytes. Raises UnusableUpload."""
        settings = self.settings
        result = self._sandboxed(
            RecogniseRequest(files, settings.upload_memory_bytes, settings.upload_seconds), "a file"
        )
        return result.format or self._refuse(files.name, "a file", result)

    def _sandboxed(self, request: ReadRequest | RecogniseRequest, kind: str) -> ReadResult:
        """The result of a request, from a process with limited memory and time. Raises UploadTooLarge."""
        try:
            return self.sandbox.read(request)
        except SandboxFailed:
            log.warning("%s: reading it as %s was broken off", request.folder.name, kind)
            message = f"could not be read within {request.seconds} seconds; send less at once"
            raise UploadTooLarge(request.folder.name, message) from None

    def _read_files(self, files: Path, file_format: Format, contents: Path) -> ReadResult:
        """Read the files into `contents`. Raises UnusableUpload."""
        settings = self.settings
        memory, seconds = settings.upload_memory_bytes, settings.upload_seconds
        limits = (memory, seconds, settings.max_unpacked_bytes, settings.min_free_bytes)
        started = time.monotonic()
        result = self._sandboxed(ReadRequest(files, contents, file_format, *limits), file_format.name)
        used = 1000 * (time.monotonic() - started), 1000 * result.cpu_seconds, result.peak_bytes / 1e6
        log.info(
            "%s: read as %s in %.0f ms (%.0f of a processor), %.1f MB", files.name, file_format.name, *used
        )
        if result.upload is None and not (result.schema and result.schema.questions):
            self._refuse(files.name, file_format.name, result)
        return result

    def _refuse(self, name: str, kind: str, result: ReadResult) -> NoReturn:
        """Raise UnusableUpload or StorageFull: the files could not be read."""
        if result.storage_full:
            raise StorageFull
        if result.out_of_memory:
            limit = self.settings.upload_memory_bytes
            raise UploadTooLarge(name, f"needs more than the {limit:,} bytes of memory that reading may take")
        if result.refusal is None:
            raise UnusableUpload(name, f"could not be read as {kind}; the log of the service says why")
        refusal = result.refusal
        error = UploadTooLarge if isinstance(refusal, FileTooLarge) else UnusableUpload
        raise error(refusal.file, f"{refusal.wrong}; {refusal.right}")


def delete_upload(name: str, caller: Caller, registry: DatasetRegistry, database: Database) -> None:
    """Delete all versions of an uploaded data set, which an admin may do, or its owner.

    Raises UnknownDataset, NotUploaded, NotTheOwner, or DatasetInUse.

    If an experiment is submitted at the same time, its data may be gone: its runs then fail as `dataset_missing`.
    """
    hashes = registry.upload_hashes(name)
    owners = {version.owner for version in registry.uploads.versions(name)}
    if not caller.may("admin") and owners != {caller.name}:
        raise NotTheOwner(name, caller.name)
    with database.read() as connection:
        experiments = experiment_reader.experiments_on(connection, hashes)
    using = [row.id for row in experiments if row.dataset == name]
    if using:
        raise DatasetInUse(name, using)
    registry.delete_upload(name, in_use={row.sha256 for row in experiments})
