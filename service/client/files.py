"""What a request takes as a file or as rows: paths, open files, DataFrames, arrays and lists."""

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def format_of_batch(source: Any) -> str:
    """The format of a batch of rows: npz by the file's name, else csv."""
    name = str(source) if isinstance(source, str | Path) else str(getattr(source, "name", ""))
    return "npz" if name.endswith(".npz") else "csv"


@contextmanager
def content_of(source: str | Path | BinaryIO | Any) -> Iterator[BinaryIO]:
    """The bytes of a file by its path, of an open file, or of a DataFrame as CSV."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
    elif hasattr(source, "to_csv"):
        yield io.BytesIO(source.to_csv(index=False).encode())
    else:
        yield source


def rows_of(rows: Any) -> list[Any]:
    """Rows as JSON has them: NaN becomes null, and numbers of NumPy those of Python."""
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    elif hasattr(rows, "tolist"):
        rows = rows.tolist()
    return [_plain(row) for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and math.isnan(value) else value
