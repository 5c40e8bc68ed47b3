"""Valid and invalid files for uploads."""

import gzip
import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tests.workers.data.idx_files import header, idx_bytes, images_of

MEGABYTE = 2**20
MORE_FLOWERS = b"".join(b"%d,2,setosa\n%d,4,virginica\n" % (n, n) for n in range(10, 30))
"""Forty rows more, no two equal."""
FLOWERS = b"width,length,species\n1.5,2,setosa\n3,4,virginica\n5,6.25,setosa\n"
Files = dict[str, bytes]
Content = bytes | Callable[[], bytes]
"""Large bytes are made when a test asks for them: every test process reads this module."""


def made(content: Content) -> bytes:
    return content() if callable(content) else content


def npz(*, compressed: bool = True, **arrays: Any) -> bytes:
    """An NPZ file as NumPy writes it."""
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def npy(shape: str, descr: str = "'<f8'", fortran_order: str = "False", data: bytes = bytes(16)) -> bytes:
    """An NPY file with any header, valid or not."""
    text = f"{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


LABELS = npy("(2,)", "'<i8'", data=struct.pack("<2q", 0, 1))
NUMBERS = npy("(2, 1)", data=struct.pack("<2d", 0.5, 1.5))


def zipped(
    members: Mapping[str, bytes] | Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip file of any members, even two with the same name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=1) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members.items() if isinstance(members, Mapping) else members:
            archive.writestr(name, content)
    return file.getvalue()


def arrays(x: bytes = NUMBERS, y: bytes = LABELS, **others: bytes) -> bytes:
    """An NPZ file of x and y, from the bytes of their NPY files."""
    return zipped({"x.npy": x, "y.npy": y} | {f"{name}.npy": content for name, content in others.items()})


def changed(content: bytes, position: int, to: bytes | None = None) -> bytes:
    """A copy with one byte changed, or with some bytes replaced."""
    to = bytes([content[position] ^ 0xFF]) if to is None else to
    return content[:position] + to + content[position + len(to) :]


def _in_directory(content: bytes, offset: int, value: bytes) -> bytes:
    """A zip file with other bytes at an offset of an entry in its directory."""
    return changed(content, content.index(b"PK\x01\x02") + offset, value)


def idx(labels: Content | None = None, images: Content | None = None) -> dict[str, Content]:
    given = {"labels": labels, "images": images}
    right: dict[str, Content] = {
        "labels": idx_bytes(np.array([0, 1, 1], np.uint8)),
        "images": idx_bytes(images_of([0, 1, 1])),
    }
    return {name: right[name] if content is None else content for name, content in given.items()}


def bad_files() -> dict[str, tuple[str, Callable[[], Files], int, str]]:
    """By name: the format, what makes the files, the status of the response, and a part of its detail."""
    return {
        name: (kind, partial(_made, files), status, says)
        for name, (kind, files, status, says) in _bad_files().items()
    }


def _made(files: Mapping[str, Content]) -> Files:
    return {name: made(content) for name, content in files.items()}


def _bad_files() -> dict[str, tuple[str, dict[str, Content], int, str]]:
    return {f"idx: {name}": ("idx", *case) for name, case in _bad_idx().items()} | {
        f"{kind}: {name}": (kind, {"file": content}, status, says)
        for kind, cases in (("npz", _bad_npz()), ("csv", _bad_csv()))
        for name, (content, status, says) in cases.items()
    }


def _bad_idx() -> dict[str, tuple[dict[str, Content], int, str]]:
    images, labels = made(idx()["images"]), made(idx()["labels"])
    whole = gzip.compress(images)
    return {
        "gzip bomb, 1 GB after the end": (
            idx(images=lambda: whole + _gigabyte()),
            422,
            "goes on after the 36 bytes",
        ),
        "gzip bomb, 1 GB declared": (
            idx(images=lambda: gzip.compress(header(2051, 2**20, 32, 32)) + _gigabyte()),
            422,
            "has 3 labels for 1,048,576 images",
        ),
        "4 x 10^19 pixels declared": (
            idx(images=header(2051, 3, 2**32 - 1, 2**32 - 1)),
            413,
            "has images of",
        ),
        "1 GB declared, nothing there": (idx(images=header(2051, 3, 500, 500)), 422, "ends after 0 bytes"),
        "too many bytes declared": (
            idx(header(2049, 2**31), header(2051, 2**31, 1, 1)),
            413,
            "at most 1,073,741,824 are read",
        ),
        "truncated": (idx(images=images[:-1]), 422, "ends after 35 bytes"),
        "truncated, gzipped": (idx(images=whole[:-9]), 422, "is not an intact gzip file"),
        "wrong CRC": (idx(images=changed(whole, len(whole) - 6)), 422, "is not an intact gzip file"),
        "wrong magic": (idx(images=header(3843, 1, 1, 1)), 422, "magic number 3843"),
        "labels for images": (idx(images=labels), 422, "magic number 2049"),
        "trailing byte": (idx(images=images + b"\0"), 422, "goes on after"),
        "a size of 0": (idx(images=header(2051, 3, 0, 4)), 422, "no size may be 0"),
        "empty": (idx(images=b""), 422, "is too short"),
        "one class": (idx(idx_bytes(np.zeros(3, np.uint8))), 422, "has one class"),
        "random bytes": (idx(images=np.random.default_rng(0).bytes(5000)), 422, "magic number"),
    }


def _gigabyte() -> bytes:
    """As many zeros, compressed."""
    return 64 * gzip.compress(bytes(16 * MEGABYTE), compresslevel=1)


def _bad_npz() -> dict[str, tuple[Content, int, str]]:
    right = arrays()
    stored = zipped({"x.npy": NUMBERS, "y.npy": LABELS}, zipfile.ZIP_STORED)
    many_classes = npz(x=np.zeros((1001, 1)), y=np.arange(1001))
    return {
        "zip bomb, 200 MB after the end": (
            lambda: arrays(NUMBERS + bytes(200 * MEGABYTE)),
            422,
            "declares 144 bytes, and 209,715,344",
        ),
        "zip bomb, 200 MB declared": (
            lambda: arrays(npy(f"({200 * MEGABYTE}, 1)", "'|u1'", data=bytes(200 * MEGABYTE))),
            422,
            "has 2 labels for 209,715,200 rows",
        ),
        "a size lied about in the directory": (
            _in_directory(right, 24, struct.pack("<I", 2**30)),
            422,
            "declares 144 bytes, and 1,073,741,824",
        ),
        "huge shape": (arrays(npy("(1000000000000, 1000)")), 422, "declares 8,000,000,000,000,128 bytes"),
        "a size of 2^96": (
            arrays(npy(f"({2**96}, 2)")),
            422,
            "declares a size of 79228162514264337593543950336",
        ),
        "a size of 4,000 digits": (arrays(npy(f"({'9' * 4000},)")), 422, "declares a size of 9999"),
        "a negative size": (arrays(npy("(-2, 1)")), 422, "declares a size of -2"),
        "a size of 0": (arrays(npy("(0, 1)", data=b"")), 422, "has the shape (0, 1)"),
        "64 dimensions": (arrays(npy(f"({'1, ' * 64})")), 422, "declares 64 dimensions"),
        "no dimension": (arrays(npy("()", data=bytes(8))), 422, "has the shape ()"),
        "objects": (
            npz(x=np.array([[{}], [1]], dtype=object), y=np.arange(2)),
            422,
            "holds Python objects (pickled), which are never loaded",
        ),
        "a structure": (
            npz(x=np.zeros(2, [("a", "f4"), ("b", "f4")]), y=np.arange(2)),
            422,
            "is a structured array",
        ),
        "complex numbers": (
            npz(x=np.zeros((2, 1), complex), y=np.arange(2)),
            422,
            "no plain array of numbers",
        ),
        "dates": (npz(x=np.zeros((2, 1), "M8[s]"), y=np.arange(2)), 422, "no plain array of numbers"),
        "a fortran order that is a text": (
            arrays(npy("(2, 1)", fortran_order="'False'")),
            422,
            "no plain array of numbers",
        ),
        "code in the header": (arrays(npy("(exit(), 1)")), 422, "no plain array of numbers"),
        "a header 4,000 deep": (arrays(npy("(" * 1900 + ")" * 1900)), 422, "no plain array of numbers"),
        "a header of 60,000 bytes": (
            arrays(npy("(2, 1)" + " " * 60_000)),
            422,
            "no header of a usual length",
        ),
        "no array": (arrays(b"hello"), 422, "is not a .npy array"),
        "truncated": (right[:-30], 422, "does not end as a zip file"),
        "half an array": (arrays(NUMBERS[:-8]), 422, "declares 144 bytes, and 136 are there"),
        "wrong CRC": (changed(stored, stored.index(NUMBERS) + len(NUMBERS) - 1), 422, "Bad CRC-32"),
        "a damaged stream": (changed(right, 60, bytes(30)), 422, "is not an intact zip file"),
        "a member twice": (zipped([("x.npy", NUMBERS)] * 2), 422, "is there more than once"),
        "a path upwards": (zipped({"../../x.npy": NUMBERS, "y.npy": LABELS}), 422, "holds '../../x'"),
        "an absolute path": (zipped({"/etc/x.npy": NUMBERS, "y.npy": LABELS}), 422, "holds '/etc/x'"),
        "2,000 members": (zipped({f"{n}.npy": b"" for n in range(2000)}), 422, "more than 16 members"),
        "an encrypted member": (
            _in_directory(right, 8, b"\x01\x00"),
            422,
            "is encrypted, or compressed with another method",
        ),
        "bzip2": (
            zipped({"x.npy": NUMBERS, "y.npy": LABELS}, zipfile.ZIP_BZIP2),
            422,
            "is encrypted, or compressed with another method",
        ),
        "a comment": (
            changed(right, len(right) - 2, b"\x05\x00") + b"hello",
            422,
            "does not end as a zip file",
        ),
        "a program in front": (b"MZ" + bytes(50) + right, 422, "is not a zip file"),
        "no zip": (FLOWERS, 422, "is not a zip file"),
        "empty": (b"", 422, "is not a zip file"),
        "an array too many": (arrays(weights=NUMBERS), 422, "it should hold features and labels"),
        "fewer labels than rows": (npz(x=np.zeros((3, 1)), y=np.arange(2)), 422, "has 2 labels for 3 rows"),
        "labels that are fractions": (
            npz(x=np.eye(2), y=np.array([0.5, 1])),
            422,
            "labels are whole numbers",
        ),
        "NaN": (npz(x=np.array([[1, 2], [3, np.nan]]), y=np.arange(2)), 422, "x[1, 1]: is nan"),
        "infinity": (npz(x=np.array([[1, np.inf]] * 2), y=np.arange(2)), 422, "x[0, 1]: is inf"),
        "1e300": (npz(x=np.array([[1.0], [1e300]]), y=np.arange(2)), 422, "x[1, 0]: is 1e+300"),
        "one class": (npz(x=np.eye(2), y=np.zeros(2, int)), 422, "has one class, '0'"),
        "1,001 classes": (many_classes, 422, "y[1,000]: is label number 1,001"),
        "300,000 features": (
            npz(x=np.zeros((2, 300_000), np.uint8), y=np.arange(2)),
            413,
            "has 300,000 features",
        ),
    }


def _bad_csv() -> dict[str, tuple[Content, int, str]]:
    head = b"a,b,y\n1,2,k\n"
    two = head + b"3,5,l\n"
    measured = b"a,y\n" + b"".join(b"1,%d.5\n" % n for n in range(1001))
    return {
        "1,000,000 columns": (b"a" + b",b" * 10**6 + b"\n", 413, "line 1: names 1,000,001 columns"),
        "1,000,000 long columns": (b",column" * 10**6, 413, "line 1: goes on without an end"),
        "a field of 100 MB": (
            lambda: head + b"9" * (100 * MEGABYTE) + b",2,k\n",
            413,
            "line 3: goes on without an end",
        ),
        "a quoted field of 100 MB": (
            lambda: head + b'"' + b"\n" * (100 * MEGABYTE),
            422,
            "line 3: cannot be parsed",
        ),
        "a label missing": (two + b"3,4,\n", 422, "1 row has no label in column 'y'"),
        "infinity": (two + b"1,-inf,k\n", 422, "line 4, column 'b' is '-inf'"),
        "1e999": (two + b"1,1e999,k\n", 422, "line 4, column 'b' is '1e999'"),
        "1e39, more than a float32": (
            two + b"1,1e39,k\n",
            422,
            "line 4, column 'b' is '1e39'; a feature is at",
        ),
        "a word": (two + b"1,red,k\n", 422, "line 4, column 'b' is 'red'"),
        "1_000": (two + b"1_000,2,k\n", 422, "line 4, column 'a' is '1_000'"),
        "digits of another script": (two + "١,2,k\n".encode(), 422, "line 4, column 'a' is '١'"),
        "0x10": (two + b"0x10,2,k\n", 422, "line 4, column 'a' is '0x10'"),
        "a field too few": (head + b"3,4\n", 422, "line 3: has 2 fields; the first line names 3"),
        "a field too many": (head + b"3,4,k,5\n", 422, "line 3: has 4 fields"),
        "a quote left open": (head + b'3,4,"k\n5,6,k\n', 422, "line 3: cannot be parsed"),
        "text after a quote": (head + b'3,"4"5,k\n', 422, "line 3: cannot be parsed"),
        "a line break in a field": (head + b'3,4,"k\nk"\n', 422, "line 3: cannot be parsed"),
        "not UTF-8": (head + b"3,4,k\xe9\n", 422, "line 3: is not UTF-8 at byte 6 (hexadecimal e9)"),
        "UTF-16": ("a,y\n1,k\n".encode("utf-16"), 422, "is a text in UTF-16; convert it: iconv"),
        "NUL in a number": (two + b"3\0,4,k\n", 422, "line 4, column 'a'"),
        "NUL in a label": (head + b"3,4,k\0\n", 422, "line 3, column 'y'"),
        "an escape sequence in a label": (head + b"3,4,\x1b[31mk\n", 422, "line 3, column 'y'"),
        "a label of 10,000 letters": (head + b"3,4," + b"k" * 10_000, 422, "line 3, column 'y'"),
        "one column": (b"a\n1\nk\n", 422, "separated with a comma"),
        "no header": (b"1,2,0\n3,4,1\n", 422, "Line 1 looks like a row"),
        "a column twice": (b"a,a,y\n1,2,k\n", 422, "names a column 'a' 2 times"),
        "a header alone": (b"a,b,y\n", 422, "has no rows"),
        "empty": (b"", 422, "line 1: is empty"),
        "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), 422, "is a PNG image; convert it"),
        "one class": (head + b"3,4,k\n", 422, "column 'y': has one class, 'k'"),
        "1,001 classes": (measured, 422, "1,001 or more different numbers in 1,001 rows"),
    }
