"""Receives a batch of rows as a file, and reads it in the separate process that reads uploads."""

import logging
from collections.abc import Callable
from typing import Any

from fastapi import Request

from service.datasets.uploads import UnusableUpload, UploadService, UploadTooLarge
from service.experiments.shift import RowBatch
from service.http.forms import Form, InvalidField, receive
from workers.data.batch_file import BatchLayout, read_written
from workers.data.errors import FileTooLarge
from workers.sandbox.client import SandboxFailed
from workers.sandbox.protocol import BatchRequest, ReadResult

log = logging.getLogger("holdout.uploads")

FIELDS, FILES = ("format", "label"), ("file",)
NAMED_FIELDS = (*FIELDS, "name")
"""Of a batch that is stored under a name."""
FORMATS: dict[str, Any] = {"csv": "csv", "npz": "npz"}
NAME = "batch"
"""What messages call the file, as nobody names it."""
SECONDS = 60
"""How long reading a batch may take, once it has arrived."""
form_schema: dict[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"type": "string", "enum": list(FORMATS)},
        "label": {
            "type": "string",
            "description": "The column with the labels. By default that of the data set, if it is there.",
        },
        "file": {"type": "string", "format": "binary"},
    },
    "required": ["format", "file"],
}
named_form_schema = form_schema | {
    "properties": form_schema["properties"]
    | {"name": {"type": "string", "maxLength": 100, "description": "The same as `?name=`."}}
}


def receive_batch(
    request: Request,
    owner: str,
    uploads: UploadService,
    layout_for: Callable[[str | None], BatchLayout],
    *,
    named: bool,
) -> RowBatch:
    """The rows in the form of a request. layout_for: the layout of the model, given the column that the form names.

    named: whether the form may say what the batch is called.

    Raises UploadError, StorageFull, and the errors of `service.http.forms.receive`.
    """
    settings = uploads.settings
    limit, seconds = settings.max_upload_bytes, settings.upload_transfer_seconds
    uploads.space.require(0)
    with uploads.slot(owner), uploads.registry.uploads.draft() as draft:
        received = draft / NAME
        received.mkdir()
        fields = NAMED_FIELDS if named else FIELDS
        form = receive(request, received, fields=fields, files=FILES, limit=limit, seconds=seconds)
        file_format = _format(form)
        asked = BatchRequest(
            received,
            draft / "contents",
            file_format,
            layout_for(form.fields.get("label") or None),
            settings.upload_memory_bytes,
            min(SECONDS, settings.upload_seconds),
            settings.max_unpacked_bytes,
        )
        try:
            result = uploads.sandbox.read(asked)
        except SandboxFailed:
            log.warning("reading a batch as %s was broken off", file_format)
            message = f"could not be read within {asked.seconds} seconds; send less at once"
            raise UploadTooLarge(NAME, message) from None
        notes = result.batch
        if notes is None:
            raise _refusal(result, settings.upload_memory_bytes)
        rows = read_written(draft / "contents")
        return RowBatch(*rows, notes.unknown, notes.ignored, form.fields.get("name") or None)


def _format(form: Form) -> Any:
    given = form.fields.get("format", "")
    if given not in FORMATS:
        raise InvalidField("format", given, f"should be one of {', '.join(FORMATS)}")
    if "file" not in form.files:
        raise InvalidField("file", "", "is missing (curl: -F format=csv -F file=@FILE)")
    return FORMATS[given]


def _refusal(result: ReadResult, memory_bytes: int) -> UnusableUpload:
    if result.out_of_memory:
        return UploadTooLarge(
            NAME, f"needs more than the {memory_bytes:,} bytes of memory that reading may take"
        )
    if result.refusal is None:
        return UnusableUpload(NAME, "could not be read; the log of the service says why")
    error = UploadTooLarge if isinstance(result.refusal, FileTooLarge) else UnusableUpload
    return error(result.refusal.file, f"{result.refusal.wrong}; {result.refusal.right}")
