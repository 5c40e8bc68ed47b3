"""A file that names no format is of the one that its first bytes show, packed or not."""

import gzip
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tests.upload_files import FLOWERS, npz, zipped
from tests.workers.data.idx_files import idx_bytes
from workers.data.errors import MalformedFile
from workers.data.formats.recognition import recognised

TABLE = pa.table({"x": [1.5, 2], "y": ["a", "b"]})


def written(writer: object) -> bytes:
    out = io.BytesIO()
    writer(TABLE, out)  # type: ignore[operator]
    return out.getvalue()


ARFF = b"% made\n\n@RELATION r\n@attribute x real\n@attribute y {a,b}\n@data\n1,a\n2,b\n"
KEEL = b"@relation r\n@attribute x real [0,1]\n@attribute y {a,b}\n@inputs x\n@outputs y\n@data\n1,a\n0,b\n"
FILES: dict[str, tuple[str, bytes]] = {
    "commas": ("csv", FLOWERS),
    "semicolons": ("csv", FLOWERS.replace(b",", b";")),
    "a byte order mark": ("csv", b"\xef\xbb\xbf" + FLOWERS),
    "numbers alone": ("csv", b"1 2 3\n4 5 6\n"),
    "times": ("csv", b"12:30 1\n12:45 2\n"),
    "names in braces": ("csv", b"{a},[b],c\n1,2,k\n3,4,l\n"),
    "names in brackets": ("csv", b"[a],b\n1,2\n"),
    "empty": ("csv", b""),
    "a line without an end": ("csv", b"a," * 100_000),
    "Parquet": ("parquet", written(pq.write_table)),
    "Feather": ("feather", written(pyarrow.feather.write_feather)),
    "ARFF": ("arff", ARFF),
    "KEEL": ("keel", KEEL),
    "KEEL with a long header": (
        "keel",
        KEEL.replace(b"@inputs", b"@attribute z {" + b"a," * 9000 + b"b}\n@inputs"),
    ),
    "JSON lines": ("jsonl", b'\n{"x": 1, "y": "a"}\n{"x": 2, "y": "b"}\n'),
    "one long object": ("jsonl", json.dumps({f"column {n}": n for n in range(20_000)}).encode()),
    "SVMlight": ("svmlight", b"# made\n+1 1:0.5 3:2 # first\n-1 qid:1 2:4\n"),
    "SVMlight with a row of zeros": ("svmlight", b"1\n-1 2:4e-3\n"),
    "NPZ": ("npz", npz(x=np.eye(2), y=np.arange(2))),
    "gzip": ("csv", gzip.compress(FLOWERS)),
    "gzip of ARFF": ("arff", gzip.compress(ARFF)),
    "zstd of JSON lines": ("jsonl", pa.compress(b'{"x": 1, "y": 2}\n' * 9, "zstd", asbytes=True)),
    "zip of a table": ("csv", zipped({"flowers.csv": FLOWERS})),
    "zip of Parquet": ("parquet", zipped({"a.parquet": written(pq.write_table)})),
    "zip of images": ("images", zipped({"cats/1.png": b"\x89PNG", "dogs/2.JPG": b"\xff\xd8\xff"})),
    "zip of an image in no folder": ("images", zipped({"1.png": b"\x89PNG"})),
}


def of(content: bytes, folder: Path) -> str:
    (folder / "file").write_bytes(content)
    return recognised(folder / "file", "mine")


@pytest.mark.parametrize("name", FILES)
def test_the_first_bytes_show_the_format(tmp_path: Path, name: str) -> None:
    expected, content = FILES[name]
    assert of(content, tmp_path) == expected


REFUSED: dict[str, tuple[bytes, str]] = {
    "a pickle": (pickle.dumps({"x": 1}), "is a Python pickle; convert it: it is never loaded"),
    "xlsx": (
        zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
        "an Excel workbook; convert it: pandas",
    ),
    "ods": (
        zipped({"mimetype": b"", "content.xml": b""}),
        "is an OpenDocument file; convert it: pandas.read_excel",
    ),
    "PyTorch": (zipped({"archive/data.pkl": b"", "archive/version": b"3"}), "a PyTorch file; numpy.savez"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "is an HDF5 file; convert it: pandas.read_hdf"),
    "IDX": (idx_bytes(np.array([0, 1], np.uint8)), "is an IDX file; convert it: send -F images=@FILE"),
    "a picture": (
        b"\x89PNG\r\n\x1a\n" + bytes(9),
        "is a PNG image; convert it: put images into a folder for each",
    ),
    "PDF": (b"%PDF-1.7\n...", "is a PDF document"),
    "HTML": (b"<!DOCTYPE html>\n<table>", "is an HTML page; convert it: pandas.read_html"),
    "UTF-16": ("a,y\n1,k\n".encode("utf-16"), "is a text in UTF-16; convert it: iconv -f UTF-16"),
    "tar in gzip": (gzip.compress(bytes(257) + b"ustar" + bytes(300)), "is a tar archive"),
    "a JSON list": (b'[{"x": 1}, {"x": 2}]', "is one JSON document; write an object in each line: pandas"),
    "a JSON object in lines": (b'{\n  "x": [1, 2]\n}\n', "is one JSON document"),
    "JSON, 60,000 deep": (b"[" * 60_000, "is one JSON document"),
    "a program": (b"\x7fELF" + bytes(60), "is a binary file of an unknown kind; send a table"),
    "two tables": (zipped({"a.csv": FLOWERS, "b.csv": FLOWERS}), "is a zip file of 2 files"),
    "a damaged zip file": (zipped({"a.csv": FLOWERS})[:-9], "does not end as a zip file"),
    "a damaged gzip file": (gzip.compress(FLOWERS)[:14] + bytes(30), "is not an intact gzip file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_format_reads_is_named_with_a_remedy(tmp_path: Path, name: str) -> None:
    content, says = REFUSED[name]
    with pytest.raises(MalformedFile) as refused:
        of(content, tmp_path)
    assert says in str(refused.value)
