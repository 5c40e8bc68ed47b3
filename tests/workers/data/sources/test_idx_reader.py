import gzip
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.workers.data.idx_files import header, idx_bytes, images_of
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.sources.idx_reader import Dimensions, read_idx

LABELS = np.array([3, 0, 255], np.uint8)
IMAGES = images_of([0] * 5)
MEGABYTE = 2**20

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def flipped(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 0xFF
    return bytes(changed)


def gzipped(content: bytes, compresslevel: int = 9) -> bytes:
    """Gzip without a time stamp: the bytes are part of the names of tests, which two processes compare."""
    return gzip.compress(content, compresslevel, mtime=0)


@pytest.mark.parametrize("pack", [bytes, gzipped], ids=["plain", "gzip"])
@pytest.mark.parametrize(("array", "dimensions"), [(LABELS, 1), (IMAGES, 3)], ids=["labels", "images"])
def test_a_written_file_is_read_back(
    tmp_path: Path, pack: Callable[[bytes], bytes], array: Any, dimensions: Dimensions
) -> None:
    path = tmp_path / "file"  # the content, not the name, decides whether it is gzipped
    path.write_bytes(pack(idx_bytes(array)))
    read = read_idx(path, dimensions=dimensions)
    assert read.dtype == np.uint8
    assert np.array_equal(read, array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is too short to be an IDX file"),
        (b"\x00\x00\x08", "is too short to be an IDX file"),
        (idx_bytes(LABELS), "starts with the magic number 2049; an IDX file of images starts with 2051"),
        (header(0x0F03, 1, 1, 1) + b"0000", "starts with the magic number 3843"),
        (header(2051, 5, 4), "ends within its header"),
        (header(2051, 5, 0, 4), r"declares a size of \(5, 0, 4\); no size may be 0"),
        (idx_bytes(IMAGES)[:-1], "ends after 59 bytes of data; its header declares 60"),
        (idx_bytes(IMAGES) + b"\0", "goes on after the 60 bytes that it declares"),
        (gzipped(idx_bytes(IMAGES) + b"\0"), "goes on after the 60 bytes"),
        (gzipped(idx_bytes(IMAGES)) + gzipped(b"more"), "goes on after the 60 bytes"),
        (gzipped(idx_bytes(IMAGES)) + b"more", "not an intact gzip file"),
        (gzipped(idx_bytes(IMAGES))[:-9], "not an intact gzip file"),
        (flipped(gzipped(idx_bytes(IMAGES)), -8), r"not an intact gzip file \(CRC check failed"),
        (flipped(gzipped(idx_bytes(IMAGES)), -1), r"not an intact gzip file \(Incorrect length"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "not an intact gzip file"),
    ],
)
def test_a_malformed_file_is_refused_by_name_with_a_correction(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(MalformedFile, match=message) as refused:
        read_idx(path, dimensions=3)
    assert refused.value.file == f"{tmp_path.name}/images"


@pytest.mark.parametrize(
    "content",
    [
        header(2051, 2**32 - 1, 2**32 - 1, 2**32 - 1),
        header(2051, 2**32 - 1, 1, 1),
        gzipped(header(2051, 2**20, 2**10, 2)),
    ],
)
def test_a_header_beyond_the_limit_is_refused_before_anything_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(FileTooLarge, match="at most 1,073,741,824 are read"):
        read_idx(path, dimensions=3)


def test_the_limit_can_be_lowered(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(idx_bytes(LABELS))
    with pytest.raises(FileTooLarge, match=r"declares 3 bytes; at most 2 are read"):
        read_idx(path, dimensions=1, max_bytes=2)
    assert len(read_idx(path, dimensions=1, max_bytes=3)) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: header(2051, 2**32 - 1, 2**32 - 1, 2**32 - 1),
        lambda: header(2051, 1024, 1024, 1024) + b"a few bytes",
        lambda: gzipped(header(2051, 1024, 1024, 1024) + b"a few bytes"),
        lambda: gzipped(idx_bytes(IMAGES) + bytes(256 * MEGABYTE), compresslevel=1),
    ],
    ids=["absurd header", "large header", "large header, gzipped", "gzip bomb"],
)
def test_a_hostile_file_costs_no_memory(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "images"
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(MalformedFile):
            read_idx(path, dimensions=3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEGABYTE


def test_reading_takes_little_more_memory_than_the_array(tmp_path: Path) -> None:
    path = tmp_path / "images"
    array = np.zeros((24, 1024, 1024), np.uint8)
    path.write_bytes(gzipped(idx_bytes(array), compresslevel=1))
    tracemalloc.start()
    try:
        read_idx(path, dimensions=3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.25 * array.nbytes + 4 * MEGABYTE


@in_one_folder
@given(st.integers(0, 75))
def test_every_shorter_file_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "images"
    for content in (idx_bytes(IMAGES)[:length], gzipped(idx_bytes(IMAGES)[:length])):
        path.write_bytes(content)
        with pytest.raises(MalformedFile):
            read_idx(path, dimensions=3)


@in_one_folder
@given(st.binary(max_size=60).map(lambda tail: header(2049, 3)[:4] + tail) | st.binary(max_size=60))
@example(b"\x1f\x8b")
def test_any_bytes_are_read_exactly_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels"
    path.write_bytes(content)
    with suppress(MalformedFile):
        assert idx_bytes(read_idx(path, dimensions=1)) == content


@in_one_folder
@given(st.binary(max_size=80))
def test_any_bytes_after_a_gzip_header_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels"
    path.write_bytes(b"\x1f\x8b\x08" + content)
    with pytest.raises(MalformedFile):
        read_idx(path, dimensions=1)
