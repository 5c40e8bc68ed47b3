"""The messages between client and server of the sandbox. Both are JSON, so that a result cannot run code."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from workers.data.batch_file import BatchFormat, BatchLayout, BatchNotes
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats import AnyFormat, Format
from workers.data.sources.upload_store import Upload
from workers.data.tables.schema import TableSchema

FORMAT: TypeAdapter[Format] = TypeAdapter(AnyFormat)
REFUSALS: dict[str, type[MalformedFile]] = {cls.__name__: cls for cls in (MalformedFile, FileTooLarge)}


@dataclass(frozen=True)
class ReadRequest:
    """Asks to read the files in `folder`, whose name is the data set's, and to write their contents to `contents`.

    memory_bytes: how much reading may allocate; seconds: how long it may take. unpacked_bytes: how large the files
    may be once they are unpacked. spare_bytes: how much free space the disk must keep.
    """

    folder: Path
    contents: Path
    format: Format
    memory_bytes: int
    seconds: int
    unpacked_bytes: int = 2**40
    spare_bytes: int = 0

    def to_json(self) -> bytes:
        paths = {"folder": str(self.folder), "contents": str(self.contents)}
        limits = {
            "memory_bytes": self.memory_bytes,
            "seconds": self.seconds,
            "unpacked_bytes": self.unpacked_bytes,
            "spare_bytes": self.spare_bytes,
        }
        return json.dumps(paths | limits | {"format": FORMAT.dump_python(self.format)}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "ReadRequest":
        given = json.loads(content)
        paths = {name: Path(given[name]) for name in ("folder", "contents")}
        return cls(**{**given, **paths, "format": FORMAT.validate_python(given["format"])})


@dataclass(frozen=True)
class BatchRequest:
    """Asks to read the file in `folder` as rows of a model, and to write them to `contents`. Limits as above."""

    folder: Path
    contents: Path
    format: BatchFormat
    layout: BatchLayout
    memory_bytes: int
    seconds: int
    unpacked_bytes: int = 2**40

    def to_json(self) -> bytes:
        paths = {"folder": str(self.folder), "contents": str(self.contents)}
        return json.dumps({**vars(self), **paths, "layout": self.layout.to_json()}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "BatchRequest":
        given = json.loads(content)
        paths = {name: Path(given[name]) for name in ("folder", "contents")}
        return cls(**{**given, **paths, "layout": BatchLayout.from_json(given["layout"])})


@dataclass(frozen=True)
class RecogniseRequest:
    """Asks which format the file in `folder` has. Limits as above."""

    folder: Path
    memory_bytes: int
    seconds: int

    def to_json(self) -> bytes:
        return json.dumps({**vars(self), "folder": str(self.folder)}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "RecogniseRequest":
        given = json.loads(content)
        return cls(**{**given, "folder": Path(given["folder"])})


Request = ReadRequest | BatchRequest | RecogniseRequest


def request_from_json(content: bytes) -> Request:
    """A request of any kind: only one for a batch has a layout, and only one that names no format asks for it."""
    given = json.loads(content)
    if "layout" in given:
        return BatchRequest.from_json(content)
    return ReadRequest.from_json(content) if "format" in given else RecogniseRequest.from_json(content)


@dataclass(frozen=True)
class ReadResult:
    """The outcome: an upload, a refusal, or neither if a table leaves questions open, or if the process ran out of
    memory or disk, or into a bug. schema: of a table. batch: of a request for a batch, which has no upload.
    format: the one that was recognised.

    peak_bytes: the peak memory of the process. cpu_seconds: the processor time that it used.
    """

    upload: Upload | None
    refusal: MalformedFile | None
    out_of_memory: bool
    peak_bytes: int
    cpu_seconds: float
    storage_full: bool = False
    schema: TableSchema | None = None
    batch: BatchNotes | None = None
    format: str | None = None

    def to_json(self) -> bytes:
        given: dict[str, Any] = {"out_of_memory": self.out_of_memory, "storage_full": self.storage_full}
        given |= {"peak_bytes": self.peak_bytes, "cpu_seconds": self.cpu_seconds}
        given["upload"] = self.upload and asdict(self.upload)
        given["refusal"] = self.refusal and [type(self.refusal).__name__, *self.refusal.args]
        given["schema"] = self.schema and self.schema.to_json()
        given["batch"] = self.batch and asdict(self.batch)
        given["format"] = self.format
        return json.dumps(given).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "ReadResult":
        given = json.loads(content)
        upload, refusal, schema = given["upload"], given["refusal"], given["schema"]
        return cls(
            upload=Upload.from_json(upload) if upload else None,
            refusal=REFUSALS[refusal[0]](*refusal[1:]) if refusal else None,
            out_of_memory=given["out_of_memory"],
            peak_bytes=given["peak_bytes"],
            cpu_seconds=given["cpu_seconds"],
            storage_full=given["storage_full"],
            schema=TableSchema.from_json(schema) if schema else None,
            batch=BatchNotes(**given["batch"]) if given["batch"] else None,
            format=given["format"],
        )
