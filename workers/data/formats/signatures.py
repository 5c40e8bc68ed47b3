"""Recognises files by their first bytes, so that an error says what a file is and how to convert it."""

from pathlib import Path

from workers.data.errors import MalformedFile

COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SIGNATURES: tuple[tuple[bytes, str, str | None, str], ...] = (
    (b"PAR1", "a Parquet file", "parquet", ""),
    (b"ARROW1", "a Feather (Arrow) file", "feather", ""),
    (b"FEA1", "a Feather file of version 1", None, "pandas.read_feather(FILE).to_csv(OUT, index=False)"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", None, "pandas.read_hdf(FILE).to_csv(OUT, index=False)"),
    (b"SQLite format 3\0", "an SQLite database", None, "sqlite3 -header -csv FILE 'select * from t' > OUT"),
    (b"\x93NUMPY", "a NumPy array", None, "numpy.savez(OUT, x=x, y=y), and format=npz"),
    (b"MATLAB 5.0", "a MATLAB file", None, "numpy.savez(OUT, **scipy.io.loadmat(FILE)), and format=npz"),
    (b"%PDF", "a PDF document", None, "copy the table into a CSV file"),
    (b"RDX", "an R data file", None, "R: write.csv(table, OUT, row.names=FALSE)"),
    (b"X\n\0\0", "an R data file", None, "R: write.csv(readRDS(FILE), OUT, row.names=FALSE)"),
    (COMPOUND_FILE, "an old Excel workbook", None, "pandas.read_excel(FILE).to_csv(OUT, index=False)"),
    (b"\x80\x02", "a Python pickle", None, "it is never loaded: write it with to_csv(OUT, index=False)"),
    (b"\x80\x03", "a Python pickle", None, "it is never loaded: write it with to_csv(OUT, index=False)"),
    (b"\x80\x04", "a Python pickle", None, "it is never loaded: write it with to_csv(OUT, index=False)"),
    (b"\x80\x05", "a Python pickle", None, "it is never loaded: write it with to_csv(OUT, index=False)"),
    (b"\x89PNG", "a PNG image", None, "send images as NPZ arrays, format=npz"),
    (b"\xff\xd8\xff", "a JPEG image", None, "send images as NPZ arrays, format=npz"),
    (b"GIF8", "a GIF image", None, "send images as NPZ arrays, format=npz"),
    (b"BZh", "a bzip2 file", None, "bunzip2 FILE, or gzip"),
    (b"\xfd7zXZ\0", "an xz file", None, "unxz FILE, or gzip"),
)


def require_format(path: Path, wanted: str, file: str) -> None:
    """Raise MalformedFile, with a remedy, if the first bytes show that a file has another format than the wanted."""
    with path.open("rb") as content:
        start = content.read(64)
    for magic, what, name, remedy in SIGNATURES:
        if start.startswith(magic) and name != wanted:
            right = f"say format={name}" if name else f"convert it: {remedy}"
            raise MalformedFile(file, f"is {what}", right)
