"""Files of each format that are made to cost much, or to break what reads them. All are small, and harmless."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from tests.upload_files import changed, zipped

MEGABYTE = 2**20
Case = tuple[str, Callable[[], bytes], int, str]
"""The format, what makes the file, the status of the response, and a part of its detail."""
PAIRS = pa.table({"x": [1.5, 2.5] * 50, "y": ["a", "b"] * 50})
HEAD = "@relation r\n@attribute x real\n@attribute y {a,b}\n@data\n"


def parquet(table: Any = PAIRS, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def feather(table: Any = PAIRS, compression: str = "zstd", **options: Any) -> bytes:
    out = io.BytesIO()
    pyarrow.feather.write_feather(table, out, compression, **options)
    return out.getvalue()


def constants(rows: int) -> Any:
    """A table whose columns take no space once they are compressed."""
    levels = pa.DictionaryArray.from_arrays(_zeros(rows), ["a", "b"])
    return pa.table({"x": _zeros(rows), "z": _zeros(rows), "y": levels})


def _zeros(rows: int) -> Any:
    return pa.Array.from_buffers(pa.int8(), rows, [None, pa.py_buffer(bytes(rows))])


def huge_dictionary() -> Any:
    """A category with 200,000 levels, of which two are used."""
    levels = pa.array([f"level {n}" for n in range(200_000)])
    return pa.table(
        {"x": pa.DictionaryArray.from_arrays(pa.array([0, 1] * 50, pa.int32()), levels), "y": PAIRS["y"]}
    )


def nested(depth: int) -> Any:
    kind = pa.int8()
    for _ in range(depth):
        kind = pa.list_(kind)
    return pa.table({"x": pa.array([None] * 4, kind), "y": ["a", "b"] * 2})


def lying_length(content: bytes) -> bytes:
    """A Feather file whose first compressed buffer declares 2**40 bytes."""
    magic = content.index(b"\x28\xb5\x2f\xfd")
    return changed(content, magic - 8, struct.pack("<q", 2**40))


def lying_size(content: bytes) -> bytes:
    """A zip file that declares its only member as one byte, in both places."""
    declared = struct.pack("<I", 1)
    content = changed(content, 22, declared)
    return changed(content, content.index(b"PK\x01\x02") + 24, declared)


def zeros(size: int) -> bytes:
    """As many zeros as a zip member, which takes a thousandth."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(size))
    return out.getvalue()


def keys(rows: int) -> bytes:
    """Objects of which each has another key."""
    return b"\n".join(b'{"key %d": 1, "y": %d}' % (n, n % 2) for n in range(rows))


TYPED: dict[str, Case] = {
    "parquet: truncated": ("parquet", lambda: parquet()[:-30], 422, "is not a whole Parquet file"),
    "parquet: a footer of 2 GB": (
        "parquet",
        lambda: parquet()[:-8] + b"\xff\xff\xff\x7fPAR1",
        422,
        "declares a footer of 2,147,483,647 bytes",
    ),
    "parquet: a footer of zeros": ("parquet", lambda: b"PAR1" + bytes(20) + b"PAR1", 422, "is damaged"),
    "parquet: no pages": ("parquet", lambda: b"PAR1" + bytes(300) + parquet()[300:], 422, "is damaged"),
    "parquet: another format within": ("parquet", lambda: b"hello", 422, "is not a whole Parquet file"),
    "parquet: 30,000,000 equal rows": (
        "parquet",
        lambda: parquet(constants(30_000_000), row_group_size=30_000_000),
        413,
        "so that nearly all are absent, zero or equal",
    ),
    "parquet: lists in lists": ("parquet", lambda: parquet(nested(30)), 422, "has the type list<"),
    "parquet: 200,000 levels": (
        "parquet",
        lambda: parquet(huge_dictionary()),
        422,
        "has no column that is a feature",
    ),
    "feather: truncated": ("feather", lambda: feather()[:-30], 422, "is damaged"),
    "feather: cut in half": ("feather", lambda: feather()[: len(feather()) // 2], 422, "is damaged"),
    "feather: a length of 2**40": ("feather", lambda: lying_length(feather()), 0, ""),
    "feather: 30,000,000 equal rows": (
        "feather",
        lambda: feather(constants(30_000_000), chunksize=30_000_000),
        413,
        "so that nearly all are absent, zero or equal",
    ),
    "feather: lists in lists": ("feather", lambda: feather(nested(30)), 422, "has the type list<"),
    "feather: 200,000 levels": (
        "feather",
        lambda: feather(huge_dictionary()),
        422,
        "has no column that is a feature",
    ),
    "feather: version 1": ("feather", lambda: b"FEA1" + bytes(50), 422, "is a Feather file of version 1"),
}
TEXTS: dict[str, Case] = {
    "jsonl: truncated": ("jsonl", lambda: b'{"x": 1, "y": 0}\n{"x": 1, "y"', 422, "line 2: is not JSON"),
    "jsonl: lists 1,000,000 deep": ("jsonl", lambda: b"[" * 10**6, 422, "line 1: is nested too deep"),
    "jsonl: objects 100,000 deep": ("jsonl", lambda: b'{"a":' * 100_000, 422, "line 1: is nested too deep"),
    "jsonl: another key in each line": ("jsonl", lambda: keys(20_000), 413, "so that nearly all are absent"),
    "jsonl: 2,000 keys in turn": ("jsonl", lambda: keys(2000), 201, ""),
    "jsonl: a number of 100,000 digits": (
        "jsonl",
        lambda: b'{"x": 1, "y": 0}\n{"x": ' + b"9" * 100_000 + b', "y": 1}',
        201,
        "",
    ),
    "jsonl: a line of 10 MB": (
        "jsonl",
        lambda: b'{"x": "' + b"a" * 10**7,
        413,
        "line 1: goes on without an end",
    ),
    "jsonl: one object": ("jsonl", lambda: json.dumps([{"x": 1}]).encode(), 422, "is not an object"),
    "arff: truncated": ("arff", lambda: HEAD.encode() + b"1,a\n2", 422, "line 6: has 1 fields"),
    "arff: no data": ("arff", lambda: b"@relation r\n@attribute x real\n", 422, "has no line @data"),
    "arff: 300,000 columns": (
        "arff",
        lambda: b"".join(b"@attribute c%d real\n" % n for n in range(300_000)),
        413,
        "declares more than 262,145 columns",
    ),
    "arff: 200,000 levels": (
        "arff",
        lambda: (
            HEAD.replace("real", f"{{{','.join(f'l{n}' for n in range(200_000))}}}").encode()
            + b"l1,a\nl2,b\n"
        ),
        422,
        "has more than 50,000 different texts",
    ),
    "arff: a million blanks before a quote": (
        "arff",
        lambda: HEAD.encode() + b"1," + b" " * 10**6 + b"a'\n",
        422,
        "line 5: has a quote that does not close",
    ),
    "arff: a million backslashes": (
        "arff",
        lambda: HEAD.encode() + b"1,'" + b"\\" * 10**6 + b"\n",
        422,
        "line 5: has a quote that does not close",
    ),
    "arff: sparse rows of 50,000 columns": (
        "arff",
        lambda: b"".join(b"@attribute c%d real\n" % n for n in range(50_000)) + b"@data\n" + b"{}\n" * 9999,
        422,
        "is sparse, in a table of too many columns",
    ),
    "keel: levels that are not declared": (
        "keel",
        lambda: HEAD.replace("@data", "@outputs y\n@data").encode() + b"1,c\n",
        422,
        "line 6, column 'y': is 'c'",
    ),
    "keel: an output that is not there": (
        "keel",
        lambda: HEAD.replace("@data", "@outputs z\n@data").encode() + b"1,a\n",
        422,
        "has no column 'z' for @outputs",
    ),
    "svmlight: truncated": ("svmlight", lambda: b"1 1:2\n-1 1:", 422, "line 2: has '1:'"),
    "svmlight: the position 999,999,999": (
        "svmlight",
        lambda: b"1 999999999:1\n",
        413,
        "has 999,999,999 features",
    ),
    "svmlight: 10**12 cells": (
        "svmlight",
        lambda: b"1 200000:1\n-1 1:1\n" * 300,
        413,
        "nearly all are absent",
    ),
    "svmlight: a million pairs": (
        "svmlight",
        lambda: b"1 " + b" ".join(b"%d:1" % n for n in range(1, 10**6)),
        413,
        "goes on without an end",
    ),
}
PACKED: dict[str, Case] = {
    "gzip: a bomb": ("csv", lambda: gzip.compress(bytes(64 * MEGABYTE)), 413, "once it is unpacked; at most"),
    "gzip: truncated": (
        "csv",
        lambda: gzip.compress(b"x,y\n1,a\n2,b\n")[:-5],
        422,
        "is not an intact gzip file",
    ),
    "zstd: a bomb": (
        "csv",
        lambda: bytes(pa.compress(bytes(64 * MEGABYTE), "zstd", asbytes=True)),
        413,
        "once it is unpacked; at most",
    ),
    "zstd: truncated": (
        "csv",
        lambda: bytes(pa.compress(b"x,y\n1,a\n2,b\n" * 99, "zstd", asbytes=True))[:-8],
        422,
        "is not an intact zstd file",
    ),
    "zstd: a window of 2 GB": (
        "csv",
        lambda: b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(50),
        422,
        "is not an intact zstd",
    ),
    "zip: a bomb": ("csv", lambda: zeros(64 * MEGABYTE), 413, "once it is unpacked; at most"),
    "zip: a lying size": ("csv", lambda: lying_size(zeros(MEGABYTE)), 422, "is not an intact zip file"),
    "zip: truncated": ("csv", lambda: zeros(MEGABYTE)[:-30], 422, "does not end as a zip file"),
    "zip: 3,000 tables": (
        "csv",
        lambda: zipped({f"{n}.csv": b"" for n in range(3000)}),
        422,
        "of 3,000 files",
    ),
    "zip: a zip file": ("csv", lambda: zipped({"a.zip": zeros(99)}), 422, "is packed twice"),
    "images: a bomb": (
        "images",
        lambda: zipped({"a/1.png": bytes(64 * MEGABYTE)}),
        413,
        "once it is unpacked",
    ),
    "images: no image": (
        "images",
        lambda: zipped({"a/1.png": b"x", "b/1.png": b"x"}),
        422,
        "a/1.png': is damaged",
    ),
}
HOSTILE = TYPED | TEXTS | PACKED
THOROUGH = ("arff: 300,000 columns", "jsonl: 2,000 keys in turn", "parquet: 200,000 levels")
"""Those that take a second or more: of each kind there is another one."""
