"""Write rows of response models as CSV (RFC 4180), with a header. Null is an empty cell."""

import csv
import io
from collections.abc import Iterable
from typing import Any, TextIO

from service.schemas.base import ResponseModel

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of text that spreadsheets would run as a formula. Such text is quoted with '."""


def csv_table(row: type[ResponseModel], rows: Iterable[ResponseModel]) -> str:
    """A header with the fields of `row`, and the rows."""
    written = io.StringIO()
    write_csv(written, row, rows)
    return written.getvalue()


def csv_rows(rows: Iterable[ResponseModel]) -> str:
    """The rows without a header."""
    written = io.StringIO()
    _write_rows(written, rows)
    return written.getvalue()


def write_csv(file: TextIO, row: type[ResponseModel], rows: Iterable[ResponseModel]) -> None:
    """Write a header and the rows into a file, row by row."""
    csv.writer(file).writerow(field.serialization_alias or name for name, field in row.model_fields.items())
    _write_rows(file, rows)


def _write_rows(file: TextIO, rows: Iterable[ResponseModel]) -> None:
    csv.writer(file).writerows(map(_cell, each.model_dump(mode="json").values()) for each in rows)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
