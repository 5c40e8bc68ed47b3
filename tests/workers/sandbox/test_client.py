import gzip
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.uploads import FLOWERS
from tests.workers.data.idx_files import header, idx_bytes
from workers.data.dataset_files import open_dataset
from workers.data.formats import CSV, IDX, Format
from workers.sandbox.client import SandboxClient, SandboxFailed
from workers.sandbox.protocol import ReadRequest, ReadResult

Read = Callable[..., ReadResult]
LONG = b"x,y\n" + b"1.25,a\n2.25,b\n" * 2_000_000
"""Takes seconds to read."""


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxClient]:
    reader = SandboxClient()
    yield reader
    reader.close()


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., ReadRequest]:
    def make(
        file_format: Format, *, memory_bytes: int = 10**9, seconds: int = 60, **files: bytes
    ) -> ReadRequest:
        folder = tmp_path / "flowers"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return ReadRequest(folder, tmp_path / "contents", file_format, memory_bytes, seconds)

    return make


def test_contents_are_laid_out_and_told_of(
    reader: SandboxClient, job: Callable[..., ReadRequest], tmp_path: Path
) -> None:
    report = reader.read(
        job(CSV(label="width"), file=FLOWERS.replace(b"setosa", b"7").replace(b"virginica", b"8"))
    )
    assert report.refusal is None
    assert report.upload is not None
    dataset = open_dataset(tmp_path / "contents" / report.upload.sha256)
    assert dataset.sha256 == report.upload.sha256
    assert dataset.classes == report.upload.classes == ("1.5", "3", "5")


def test_a_refusal_arrives_as_it_was_raised(reader: SandboxClient, job: Callable[..., ReadRequest]) -> None:
    report = reader.read(job(CSV(), file=FLOWERS + b"1,x,y\n"))
    assert report.upload is None
    assert str(report.refusal) == (
        "flowers.csv, line 5, column 'length' is 'x'; a feature is a finite decimal number."
    )


def test_what_takes_too_much_memory_is_told_apart(
    reader: SandboxClient, job: Callable[..., ReadRequest]
) -> None:
    rows = 200_000
    images = gzip.compress(header(2051, rows, 32, 32) + bytes(rows * 1024), compresslevel=1)
    labels = idx_bytes((np.arange(rows) % 2).astype(np.uint8))
    report = reader.read(job(IDX(), images=images, labels=labels, memory_bytes=200_000_000))
    assert (report.upload, report.refusal, report.out_of_memory) == (None, None, True)
    assert report.peak_bytes < 250_000_000


def test_what_takes_too_long_is_ended(reader: SandboxClient, job: Callable[..., ReadRequest]) -> None:
    started = time.monotonic()
    with pytest.raises(SandboxFailed):
        reader.read(job(CSV(), file=LONG, seconds=1))
    assert time.monotonic() - started < 5


def test_a_server_that_died_is_replaced(job: Callable[..., ReadRequest], tmp_path: Path) -> None:
    reader, given = SandboxClient(), job(CSV(), file=FLOWERS)
    try:
        assert reader.read(given).upload
        assert reader._server is not None
        os.kill(reader._server.process.pid, signal.SIGKILL)
        while reader._server.is_alive:
            time.sleep(0.01)
        (tmp_path / "contents").rename(tmp_path / "before")
        assert reader.read(given).upload
    finally:
        reader.close()


def test_closing_ends_what_is_being_read(job: Callable[..., ReadRequest]) -> None:
    reader, given = SandboxClient(), job(CSV(), file=LONG)
    timer = threading.Timer(1.5, reader.close)
    timer.start()
    with pytest.raises(SandboxFailed):
        reader.read(given)
    timer.join()
    with pytest.raises(SandboxFailed):
        reader.read(given)


def test_the_server_knows_no_secrets_and_leaves_with_its_parent(
    job: Callable[..., ReadRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDOUT_DATABASE_URL", "postgresql://holdout:secret@db/holdout")
    reader = SandboxClient()
    reader.read(job(CSV(), file=FLOWERS))
    assert reader._server is not None
    process, orders = reader._server
    environment = Path(f"/proc/{process.pid}/environ")
    if environment.exists():
        assert b"secret" not in environment.read_bytes()
        assert b"PATH=" in environment.read_bytes()
    orders.close()  # as the kernel does when the parent dies
    assert process.wait(timeout=10) == 0
    reader.close()
