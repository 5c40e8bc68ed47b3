"""Takes uploads in: a form is received onto the disk, read in a process apart, and kept as a version of its name.

UploadError
├── UnusableUpload      its files are not what they should be
│   └── UploadTooLarge  ... or take more memory or time than reading them may
├── UploadsBusy         as many as are taken at once are on their way
└── StorageFull         the disk is
"""

import errno
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from service.http.forms import Form, InvalidField, receive
from service.settings import Settings
from workers.data.errors import FileTooLarge
from workers.data.formats import AnyFormat, Format
from workers.data.registry import DatasetRegistry, Facts
from workers.data.sources.folder import NAME
from workers.data.sources.upload_store import Upload
from workers.sandbox.job import Job, Report
from workers.sandbox.reader import NotRead, Reader
from workers.tagged_union import members, names
from workers.validation.errors import Fault
from workers.validation.messages import sentence
from workers.validation.suggestions import hint

log = logging.getLogger("holdout.uploads")

FORMAT: TypeAdapter[Format] = TypeAdapter(AnyFormat)
FORMATS: tuple[type[Format], ...] = members(AnyFormat)
OPTIONS = tuple({each.name: None for cls in FORMATS for each in fields(cls) if each.name != "name"})
FIELDS = ("name", "format", *OPTIONS)
FILES = tuple({part: None for cls in FORMATS for part in (*cls.required, *cls.optional)})
MOST_AT_ONCE = 4


class UploadError(ValueError):
    """An upload that is not taken."""


class UnusableUpload(UploadError):
    """The files cannot be read. `errors` gives the place and what would be right."""

    def __init__(self, where: str, message: str) -> None:
        self.faults = (Fault(where, None, message),)
        super().__init__(f"{where}: {message}")


class UploadTooLarge(UnusableUpload):
    """The files contain more than the service stores, or need more memory or time to read than it allows."""


class UploadsBusy(UploadError):
    """The service already receives as many uploads as it takes at once."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_AT_ONCE} uploads are being received already. Try again in a moment.")


class StorageFull(UploadError):
    """The disk has no room for the upload."""

    def __init__(self) -> None:
        super().__init__("The disk of the data folder is full.")


class UploadService:
    """Takes uploads into a library, a few at a time."""

    def __init__(self, library: DatasetRegistry, settings: Settings) -> None:
        self.library, self.settings = library, settings
        self._reader = Reader()
        self._free = threading.Semaphore(MOST_AT_ONCE)

    def take(self, request: Request) -> tuple[Facts, bool]:
        """The facts of what the form in a request holds, now kept, and whether it is a new version.

        Raises UploadError, NameReserved and what `receive` does.
        """
        limit = self.settings.max_upload_bytes
        with self._place(), self.library.uploads.draft() as draft:
            received = draft / "received"
            received.mkdir()
            form = receive(request, received, fields=FIELDS, files=FILES, limit=limit)
            name, wanted = name_of(form), format_of(form)
            for part in form.empty - {*wanted.required}:
                (received / part).unlink()
            self.library.require_free(name)
            # Messages name a file by its folder, which is therefore called like the data set.
            (draft / "files").mkdir()
            files = received.rename(draft / "files" / name)
            upload = self._read(files, wanted, draft / "contents")
            return self.library.keep(name, upload, draft / "contents")

    def close(self) -> None:
        """End what is being read."""
        self._reader.close()

    @contextmanager
    def _place(self) -> Iterator[None]:
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

    def _read(self, files: Path, wanted: Format, contents: Path) -> Upload:
        memory, seconds = self.settings.upload_memory_bytes, self.settings.upload_seconds
        started = time.monotonic()
        try:
            report = self._reader.read(Job(files, contents, wanted, memory, seconds))
        except NotRead:
            log.warning("%s: reading it as %s was broken off", files.name, wanted.name)
            message = f"could not be read within {seconds} seconds; send less at once"
            raise UploadTooLarge(files.name, message) from None
        used = 1000 * (time.monotonic() - started), 1000 * report.cpu_seconds, report.peak_bytes / 1e6
        log.info("%s: read as %s in %.0f ms (%.0f of a processor), %.1f MB", files.name, wanted.name, *used)
        return self._upload(files.name, wanted, report)

    def _upload(self, name: str, wanted: Format, report: Report) -> Upload:
        """What was read. Raises UnusableUpload."""
        if report.upload is not None:
            return report.upload
        if report.out_of_memory:
            limit = self.settings.upload_memory_bytes
            raise UploadTooLarge(name, f"needs more than the {limit:,} bytes of memory that reading may take")
        if report.refusal is None:
            raise UnusableUpload(name, f"could not be read as {wanted.name}; the log of the service says why")
        refusal = report.refusal
        error = UploadTooLarge if isinstance(refusal, FileTooLarge) else UnusableUpload
        raise error(refusal.file, f"{refusal.wrong}; {refusal.right}")


def name_of(form: Form) -> str:
    """The name that a form gives. Raises InvalidField."""
    name = _required(form, "name")
    if not re.fullmatch(NAME, name):
        right = "should be up to 64 characters of a-z, 0-9, ., - and _, and start with a letter or a digit"
        raise InvalidField("name", name, right)
    return name


def format_of(form: Form) -> Format:
    """The format that a form gives with its options, whose files it has. Raises InvalidField."""
    known, given = names(AnyFormat), _required(form, "format")
    if given not in known:
        raise InvalidField("format", given, f"{hint(given[:100], known)}it is one of {', '.join(known)}")
    options = {name: value for name, value in form.fields.items() if name not in ("name", "format")}
    try:
        wanted = FORMAT.validate_python({"name": given, **options})
    except ValidationError as error:
        [detail, *_] = error.errors(include_url=False)
        option = str(detail["loc"][-1])
        unknown = detail["type"] == "unexpected_keyword_argument"
        raise InvalidField(
            option, options[option], f"is not a field of {given}" if unknown else sentence(detail)
        ) from None
    _require_files(form, wanted)
    return wanted


def _require_files(form: Form, wanted: Format) -> None:
    takes = ", ".join(wanted.required) + (
        f", and {', '.join(wanted.optional)} if any" if wanted.optional else ""
    )
    for part in wanted.required:
        if part not in form.files:
            raise InvalidField(part, "", f"is missing; {wanted.name} takes the files {takes}")
    chosen = form.files - form.empty
    for part in sorted(chosen - {*wanted.required, *wanted.optional}):
        raise InvalidField(part, "", f"is not a file of {wanted.name}, which takes {takes}")
    absent = sorted({*wanted.optional} - chosen)
    if absent and len(absent) < len(wanted.optional):
        raise InvalidField(absent[0], "", f"is missing; {', '.join(wanted.optional)} come together")


def _required(form: Form, name: str) -> str:
    if name not in form.fields:
        raise InvalidField(name, "", "is missing (curl: -F name=NAME -F format=csv -F file=@FILE)")
    return form.fields[name]


def form_schema() -> dict[str, Any]:
    """The form, as the OpenAPI document describes it."""
    texts = {
        "name": {"type": "string", "pattern": NAME, "examples": ["flowers"]},
        "format": {"type": "string", "enum": names(AnyFormat)},
    }
    options = {
        name: {"type": "string", "description": "Of CSV: the column of the class.", "examples": ["species"]}
        for name in OPTIONS
    }
    file = {"type": "string", "format": "binary"}
    files = {
        part: {**file, "description": f"For {', '.join(name for name in _takers(part))}."} for part in FILES
    }
    required = ["name", "format"]
    return {"type": "object", "properties": texts | options | files, "required": required}


def _takers(part: str) -> Iterator[str]:
    for name, cls in zip(names(AnyFormat), FORMATS, strict=True):
        if part in (*cls.required, *cls.optional):
            yield f"{name}, {'if there is an official test part' if part in cls.optional else 'required'}"
