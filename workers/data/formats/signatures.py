"""Recognises files by their first bytes, so that an error says what a file is and how to convert it."""

from pathlib import Path
from typing import NamedTuple

from workers.data.errors import MalformedFile

START_BYTES = 2**16
"""How much of a file is looked at."""
SHOWN_BYTES = 1024
"""Of these, none is a control character in a text."""


class Signature(NamedTuple):
    """The bytes that files of a kind have at `offset`. name: of the format that reads them, if there is one.

    remedy: a line that converts them. Letters alone may be the first name of a text table: `is_text` says that the
    rest of such a file is text too.
    """

    magic: bytes
    what: str
    name: str | None = None
    remedy: str = ""
    offset: int = 0
    is_text: bool = False


def _by_pandas(magic: bytes, what: str, reader: str, offset: int = 0, *, is_text: bool = False) -> Signature:
    return Signature(magic, what, None, f"pandas.{reader}(FILE).to_csv(OUT, index=False)", offset, is_text)


PICKLED = "it is never loaded: write it with to_csv(OUT, index=False)"
AS_FOLDERS = "put images into a folder for each class, and send a zip file of the folders, format=images"
AS_ROWS = "pandas.read_json(FILE).to_json(OUT, orient='records', lines=True), and format=jsonl"
UNPACKED = "unpack it, and send one table, or a zip file of images in folders"
IDX = "send -F images=@FILE -F labels=@FILE, format=idx"
SAS = b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92"
SIGNATURES: tuple[Signature, ...] = (
    Signature(b"PAR1", "a Parquet file", "parquet"),
    Signature(b"ARROW1", "a Feather (Arrow) file", "feather"),
    _by_pandas(b"FEA1", "a Feather file of version 1", "read_feather"),
    _by_pandas(b"\x89HDF\r\n\x1a\n", "an HDF5 file", "read_hdf"),
    _by_pandas(b"ORC", "an ORC file", "read_orc"),
    _by_pandas(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "read_excel"),
    _by_pandas(b"<stata_dta>", "a Stata file", "read_stata", is_text=True),
    *(
        _by_pandas(bytes([version, order]), "a Stata file", "read_stata")
        for version in (114, 115)
        for order in (1, 2)
    ),
    _by_pandas(b"$FL2", "an SPSS file", "read_spss"),
    _by_pandas(SAS, "a SAS file", "read_sas"),
    _by_pandas(b"HEADER RECORD*******LIB", "a SAS transport file", "read_sas", is_text=True),
    Signature(
        b"SQLite format 3\0", "an SQLite database", None, "sqlite3 -header -csv FILE 'select * from t' > OUT"
    ),
    Signature(b"\x93NUMPY", "a NumPy array", None, "numpy.savez(OUT, x=x, y=y), and format=npz"),
    Signature(
        b"MATLAB 5.0",
        "a MATLAB file",
        None,
        "numpy.savez(OUT, **scipy.io.loadmat(FILE)), and format=npz",
        is_text=True,
    ),
    Signature(b"RDX", "an R data file", None, "R: write.csv(table, OUT, row.names=FALSE)"),
    Signature(b"X\n\0\0", "an R data file", None, "R: write.csv(readRDS(FILE), OUT, row.names=FALSE)"),
    *(Signature(b"\x80" + bytes([protocol]), "a Python pickle", None, PICKLED) for protocol in (2, 3, 4, 5)),
    *(
        Signature(bytes([0, 0, kind, n]), "an IDX file", None, IDX)
        for kind in (8, 9, 11, 12, 13, 14)
        for n in (1, 2, 3)
    ),
    Signature(
        b"Obj\x01", "an Avro file", None, "pandas.DataFrame(fastavro.reader(open(FILE, 'rb'))).to_csv(OUT)"
    ),
    Signature(b"CDF\x01", "a NetCDF file", None, "xarray.open_dataset(FILE).to_dataframe().to_csv(OUT)"),
    Signature(b"%PDF", "a PDF document", None, "copy the table into a CSV file", is_text=True),
    Signature(b"{\\rtf", "a document in RTF", None, "copy the table into a CSV file", is_text=True),
    Signature(b"\x89PNG", "a PNG image", None, AS_FOLDERS),
    Signature(b"\xff\xd8\xff", "a JPEG image", None, AS_FOLDERS),
    Signature(b"GIF8", "a GIF image", None, AS_FOLDERS),
    Signature(b"II*\0", "a TIFF image", None, AS_FOLDERS),
    Signature(b"MM\0*", "a TIFF image", None, AS_FOLDERS),
    Signature(b"WEBP", "a WebP image", None, AS_FOLDERS, 8),
    Signature(
        b"WAVE", "a sound", None, "Holdout reads tables and images: write a row of numbers for each sound", 8
    ),
    Signature(b"BZh", "a bzip2 file", None, "bunzip2 FILE, or gzip"),
    Signature(b"\xfd7zXZ\0", "an xz file", None, "unxz FILE, or gzip"),
    Signature(b"\x04\x22\x4d\x18", "an LZ4 file", None, "lz4 -d FILE, or gzip"),
    Signature(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", None, UNPACKED),
    Signature(b"Rar!\x1a\x07", "a RAR archive", None, UNPACKED),
    Signature(b"ustar", "a tar archive", None, UNPACKED, 257),
    Signature(b"PK\x05\x06", "an empty zip file", None, "zip one table, or folders of images"),
    Signature(b"\xff\xfe", "a text in UTF-16", None, "iconv -f UTF-16 -t UTF-8 FILE > OUT", is_text=True),
    Signature(b"\xfe\xff", "a text in UTF-16", None, "iconv -f UTF-16 -t UTF-8 FILE > OUT", is_text=True),
    *(
        Signature(
            tag, "an HTML page", None, "pandas.read_html(FILE)[0].to_csv(OUT, index=False)", is_text=True
        )
        for tag in (b"<!DOCTYPE html", b"<!doctype html", b"<html")
    ),
    _by_pandas(b"<?xml", "an XML document", "read_xml", is_text=True),
)


def signature_of(start: bytes) -> Signature | None:
    """The signature that the first bytes of a file have."""
    is_text = not any(byte < 32 and byte not in b"\t\n\r" for byte in start[:SHOWN_BYTES])
    plain = start.removeprefix(b"\xef\xbb\xbf")
    for each in SIGNATURES:
        is_there = plain[each.offset : each.offset + len(each.magic)] == each.magic
        if is_there and (each.is_text or not is_text or not each.magic.isalnum()):
            return each
    return None


def refusal_of(signature: Signature, file: str) -> MalformedFile:
    """The error about a file that is of another kind, with a remedy."""
    right = f"say format={signature.name}, or none" if signature.name else f"convert it: {signature.remedy}"
    return MalformedFile(file, f"is {signature.what}", right)


def require_format(path: Path, wanted: str, file: str) -> None:
    """Raise MalformedFile, with a remedy, if the first bytes show that a file has another format than the wanted."""
    with path.open("rb") as content:
        found = signature_of(content.read(START_BYTES))
    if found is not None and found.name != wanted:
        raise refusal_of(found, file)
