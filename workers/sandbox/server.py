"""The server of the sandbox: it has imported everything that reading needs, and forks a process for each request.

Its standard input is a control socket. Each byte there carries the socket of one request: the server's child reads
the request from it and writes the result to it. When the control socket closes, the parent is gone, and the server
ends.
"""

import errno
import logging
import os
import resource
import shutil
import signal
import socket
import sys
from importlib.abc import MetaPathFinder
from typing import Any

import numpy.ma  # noqa: F401 -- as numpy.unique does, in every child

from workers.data.batch_file import BatchNotes
from workers.data.csv_batch import read_csv_batch
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.recognition import recognised
from workers.data.formats.room import LARGEST_FILE, Room
from workers.data.formats.zip_reader import open_zip
from workers.data.npz_batch import read_npz_batch
from workers.data.sources.upload_store import Upload, write_contents
from workers.data.tables import csv_reader, read_table  # noqa: F401 -- imported once, before the forks
from workers.data.tables.schema import TableSchema
from workers.processes import memory
from workers.sandbox.protocol import (
    BatchRequest,
    ReadRequest,
    ReadResult,
    RecogniseRequest,
    Request,
    request_from_json,
)

log = logging.getLogger("holdout.reading")

WORK_FACTOR = 3
"""How much disk reading takes, as a multiple of the unpacked files: they are copied, converted, and stored."""


class _WithoutPandas(MetaPathFinder):
    """Hides pandas: where it is installed, pyarrow would import it for its own checks, again in every child."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def main() -> None:
    """Serve requests until the parent closes the control socket."""
    sys.meta_path.insert(0, _WithoutPandas())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the forked processes
    control = socket.socket(fileno=sys.stdin.fileno())
    while True:
        byte, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not byte:
            return
        with socket.socket(fileno=descriptors[0]) as client:
            if os.fork() == 0:
                control.close()
                _handle(client)


def _handle(client: socket.socket) -> None:
    """Handle one request, in the process that was forked for it."""
    try:
        with client.makefile("rb") as content:
            request = request_from_json(content.read())
        apply_limits(request)
        client.sendall(execute(request).to_json())
    finally:
        os._exit(0)


def apply_limits(request: Request) -> None:
    """Limit this process: beyond the limits the kernel refuses memory or ends the process."""
    memory.raise_oom_score()
    memory.limit(request.memory_bytes)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    signal.alarm(request.seconds)


def execute(request: Request) -> ReadResult:
    """Read the files of a request and write their contents."""
    found: dict[str, Any] = {"upload": None, "refusal": None, "out_of_memory": False}
    try:
        found |= _found(request)
    except MalformedFile as malformed:
        found["refusal"] = malformed
    except MemoryError:
        found["out_of_memory"] = True
    except OSError as error:
        found["storage_full"] = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not found["storage_full"]:
            log.exception("reading %s failed", request.folder.name)
    except Exception:
        log.exception("reading %s failed", request.folder.name)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return ReadResult(**found, peak_bytes=used.ru_maxrss * 1024, cpu_seconds=used.ru_utime + used.ru_stime)


def _found(request: Request) -> dict[str, Any]:
    """What a request asks for, by the fields of the result. Raises MalformedFile, or OSError."""
    match request:
        case BatchRequest():
            return {"batch": read_batch(request)}
        case RecogniseRequest():
            return {"format": recognised(request.folder / "file", request.folder.name)}
        case ReadRequest():
            upload, schema = _read_upload(request)
            return {"upload": upload, "schema": schema}


def _read_upload(request: ReadRequest) -> tuple[Upload | None, TableSchema | None]:
    request.format.unpack(request.folder, room_of(request))
    contents, schema = request.format.reading(request.folder)
    if contents is None:
        return None, schema
    return write_contents(contents, request.format.name, request.contents, schema), schema


def read_batch(request: BatchRequest) -> BatchNotes:
    """Read the rows of a batch and write them. Raises MalformedFile."""
    size = (request.folder / "file").stat().st_size
    if request.format == "npz":
        with open_zip(request.folder / "file", f"{request.folder.name}.npz") as archive:
            size = sum(member.file_size for member in archive.infolist())
    if size > request.unpacked_bytes:
        right = f"at most {request.unpacked_bytes:,} are read (HOLDOUT_MAX_UNPACKED_BYTES)"
        raise FileTooLarge(request.folder.name, f"holds {size:,} bytes once it is unpacked", right)
    read = read_csv_batch if request.format == "csv" else read_npz_batch
    return read(request.folder, request.layout, request.contents)


def room_of(request: ReadRequest) -> Room:
    """The room that the files of a request have once they are unpacked: reading takes several times as much."""
    free = (shutil.disk_usage(request.folder).free - request.spare_bytes) // WORK_FACTOR
    return Room(request.folder.name, request.unpacked_bytes, free)


if __name__ == "__main__":
    main()
