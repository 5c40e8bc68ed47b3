import gzip
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.upload_files import FLOWERS
from tests.workers.data.idx_files import header, idx_bytes
from workers.data.dataset_files import open_dataset
from workers.data.formats import CSV, IDX, Format
from workers.data.tables.schema import TableSchema
from workers.sandbox.client import SandboxClient, SandboxFailed
from workers.sandbox.protocol import ReadRequest

RequestFor = Callable[..., ReadRequest]
LONG = b"x,y\n" + b"1.25,a\n2.25,b\n" * 2_000_000
"""Takes seconds to read."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxClient]:
    sandbox = SandboxClient()
    yield sandbox
    sandbox.close()


@pytest.fixture
def request_for(tmp_path: Path) -> RequestFor:
    def make(
        file_format: Format, *, memory_bytes: int = 10**9, seconds: int = 60, **files: bytes
    ) -> ReadRequest:
        folder = tmp_path / "flowers"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return ReadRequest(folder, tmp_path / "contents", file_format, memory_bytes, seconds)

    return make


def test_contents_are_written_and_described(
    sandbox: SandboxClient, request_for: RequestFor, tmp_path: Path
) -> None:
    result = sandbox.read(
        request_for(CSV(label="width"), file=FLOWERS.replace(b"setosa", b"7").replace(b"virginica", b"8"))
    )
    assert result.refusal is None
    assert result.upload is not None
    dataset = open_dataset(tmp_path / "contents" / result.upload.sha256)
    assert dataset.sha256 == result.upload.sha256
    assert dataset.classes == result.upload.classes == ("1.5", "3", "5")
    assert result.schema is not None
    stored = (tmp_path / "contents" / result.upload.sha256 / "schema.json").read_text()
    assert TableSchema.from_json(json.loads(stored)) == result.schema


def test_a_refusal_arrives_as_it_was_raised(sandbox: SandboxClient, request_for: RequestFor) -> None:
    result = sandbox.read(request_for(CSV(), file=FLOWERS + b"1,setosa\n"))
    assert (result.upload, result.schema) == (None, None)
    assert str(result.refusal) == "flowers.csv, line 5 has 2 fields; the first line names 3."


def test_a_question_arrives_with_the_schema(sandbox: SandboxClient, request_for: RequestFor) -> None:
    result = sandbox.read(request_for(CSV(), file=FLOWERS + b"1,x,setosa\n"))
    assert (result.upload, result.refusal) == (None, None)
    assert result.schema is not None
    [question] = result.schema.questions
    assert (
        "flowers.csv, line 5, column 'length' is 'x'; a feature is a finite decimal number." in question.text
    )


def test_reading_beyond_the_memory_limit_is_reported(sandbox: SandboxClient, request_for: RequestFor) -> None:
    rows = 200_000
    images = gzip.compress(header(2051, rows, 32, 32) + bytes(rows * 1024), compresslevel=1)
    labels = idx_bytes((np.arange(rows) % 2).astype(np.uint8))
    result = sandbox.read(request_for(IDX(), images=images, labels=labels, memory_bytes=200_000_000))
    assert (result.upload, result.refusal, result.out_of_memory) == (None, None, True)
    assert result.peak_bytes < 250_000_000


def test_reading_beyond_the_time_limit_is_killed(sandbox: SandboxClient, request_for: RequestFor) -> None:
    started = time.monotonic()
    with pytest.raises(SandboxFailed):
        sandbox.read(request_for(CSV(), file=LONG, seconds=1))
    assert time.monotonic() - started < 5


def test_a_server_that_died_is_replaced(request_for: RequestFor, tmp_path: Path) -> None:
    sandbox, request = SandboxClient(), request_for(CSV(), file=FLOWERS)
    try:
        assert sandbox.read(request).upload
        assert sandbox._server is not None
        os.kill(sandbox._server.process.pid, signal.SIGKILL)
        while sandbox._server.is_alive:
            time.sleep(0.01)
        (tmp_path / "contents").rename(tmp_path / "before")
        assert sandbox.read(request).upload
    finally:
        sandbox.close()


def test_closing_kills_a_running_read(request_for: RequestFor) -> None:
    sandbox, request = SandboxClient(), request_for(CSV(), file=LONG)
    timer = threading.Timer(1.5, sandbox.close)
    timer.start()
    with pytest.raises(SandboxFailed):
        sandbox.read(request)
    timer.join()
    with pytest.raises(SandboxFailed):
        sandbox.read(request)


def test_the_server_inherits_no_secrets_and_ends_with_its_parent(
    request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDOUT_DATABASE_URL", "postgresql://holdout:secret@db/holdout")
    sandbox = SandboxClient()
    sandbox.read(request_for(CSV(), file=FLOWERS))
    assert sandbox._server is not None
    process, control = sandbox._server
    environment = Path(f"/proc/{process.pid}/environ")
    if environment.exists():
        assert b"secret" not in environment.read_bytes()
        assert b"PATH=" in environment.read_bytes()
    control.close()  # as the kernel does when the parent dies
    assert process.wait(timeout=10) == 0
    sandbox.close()
