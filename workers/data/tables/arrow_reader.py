"""Reads Parquet and Feather files: columns with the types that the file declares."""

import struct
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq

from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.tables.line_blocks import quoted
from workers.data.tables.spool import require_cells
from workers.data.tables.table_reader import Batch, SourceColumn, TableReader

BATCH_ROWS = 2**16
MOST_COLUMNS = 2**18 + 1
LARGEST_METADATA = 2**26
"""Bytes of the footer of a Parquet file."""
LARGEST_GROUP = 2**28
"""Bytes of a row group, or of a batch, once it is unpacked: it is read as a whole."""
PANDAS_INDEX = "__index_level_0__"


class ArrowReader(TableReader):
    """A file whose columns have types. Raises MalformedFile; the library's own errors stay in here."""

    def __init__(self, path: Path, file: str) -> None:
        self.file, self._path, self.file_bytes = file, path, path.stat().st_size
        try:
            schema = self._open()
        except (MalformedFile, MemoryError):
            raise
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged() from None
        _require_plain(schema, file)
        names = [each.name for each in schema]
        self.columns = tuple(
            SourceColumn(name or f"column_{place + 1}", holds_row_names=name == PANDAS_INDEX)
            for place, name in enumerate(names)
        )
        others = [place for place, name in enumerate(names) if name != PANDAS_INDEX]
        self.default_label = others[-1] if others else -1

    def batches(self) -> Iterator[Batch]:
        try:
            for batch in self._batches():
                yield [_readable(column) for column in batch.columns]
        except (MalformedFile, MemoryError):  # pyarrow's error about memory is one of both kinds
            raise
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged() from None

    @abstractmethod
    def _open(self) -> Any:
        """The schema of the file, after its declared sizes have been checked."""

    @abstractmethod
    def _batches(self) -> Iterator[Any]:
        """Record batches of bounded size."""

    def _require_counts(self, rows: int, columns: int) -> None:
        if columns > MOST_COLUMNS:
            raise FileTooLarge(self.file, f"has {columns:,} columns", f"at most {MOST_COLUMNS:,} are read")
        if rows < 0:
            raise self._damaged()
        require_cells(self.file, rows, columns, self.file_bytes)

    def _damaged(self) -> MalformedFile:
        """The error for all that the library refuses: its own words name its code."""
        return MalformedFile(self.file, "is damaged, or not complete", "write it again, or send it as CSV")


class ParquetReader(ArrowReader):
    """A Parquet file: column chunks in row groups, described by a footer."""

    def _open(self) -> Any:
        self._require_footer()
        with pq.ParquetFile(self._path, **LIMITS) as file:
            self._require_sizes(file.metadata)
            return file.schema_arrow

    def _batches(self) -> Iterator[Any]:
        with pq.ParquetFile(self._path, **LIMITS) as file:
            rows = max(1, min(BATCH_ROWS, 2**22 // max(1, len(self.columns))))
            yield from file.iter_batches(rows, use_threads=False)

    def _require_footer(self) -> None:
        size = self._path.stat().st_size
        with self._path.open("rb") as content:
            start = content.read(4)
            content.seek(max(0, size - 8))
            tail = content.read()
        if start == b"PARE" or tail[4:] == b"PARE":
            raise MalformedFile(self.file, "is encrypted", "write it without encryption")
        if size < 12 or start != b"PAR1" or tail[4:] != b"PAR1":
            raise MalformedFile(self.file, "is not a whole Parquet file", "it begins and ends with PAR1")
        (footer,) = struct.unpack("<I", tail[:4])
        if footer > size - 12:
            raise MalformedFile(
                self.file, f"declares a footer of {footer:,} bytes", f"the file has {size:,} in all"
            )
        if footer > LARGEST_METADATA:
            raise FileTooLarge(
                self.file, f"has a footer of {footer:,} bytes", f"at most {LARGEST_METADATA:,} are read"
            )

    def _require_sizes(self, metadata: Any) -> None:
        self._require_counts(metadata.num_rows, metadata.num_columns)
        for group in range(metadata.num_row_groups):
            size = metadata.row_group(group).total_byte_size
            if not 0 <= size <= LARGEST_GROUP:
                right = (
                    f"write row groups of at most {LARGEST_GROUP:,} bytes (pyarrow: row_group_size=100000)"
                )
                raise FileTooLarge(self.file, f"has a row group of {size:,} bytes once it is unpacked", right)


LIMITS: dict[str, Any] = {
    "thrift_string_size_limit": LARGEST_METADATA,
    "thrift_container_size_limit": 10**6,
    "memory_map": False,
    "pre_buffer": False,
}


class FeatherReader(ArrowReader):
    """A Feather file, version 2: record batches in the format of Arrow files."""

    def _open(self) -> Any:
        with self._path.open("rb") as content:
            start = content.read(6)
        if start[:4] == b"FEA1":
            right = "write version 2 (pandas: to_feather, pyarrow: write_feather)"
            raise MalformedFile(self.file, "is a Feather file of version 1", right)
        if start != b"ARROW1":
            raise MalformedFile(self.file, "is not a Feather file", "it begins with ARROW1")
        with pa.OSFile(str(self._path)) as source, pa.ipc.open_file(source) as file:
            self._require_counts(0, len(file.schema))
            return file.schema

    def _batches(self) -> Iterator[Any]:
        with pa.OSFile(str(self._path)) as source, pa.ipc.open_file(source) as file:
            rows = 0
            for number in range(file.num_record_batches):
                batch = file.get_batch(number)
                batch.validate(full=True)
                rows += batch.num_rows
                self._require_counts(rows, len(self.columns))
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)


def _require_plain(schema: Any, file: str) -> None:
    """Raise MalformedFile about columns that are no cells, and about names that come twice."""
    for field in schema:
        if not _is_plain(field.type):
            right = "flatten it into columns of numbers, texts, booleans or dates, or leave it out"
            where = f"{file}, column {quoted(field.name)}"
            raise MalformedFile(where, f"has the type {str(field.type)[:60]}", right)
    twice = [name for name, times in Counter(schema.names).items() if times > 1]
    if twice:
        right = "each column has its own name"
        raise MalformedFile(file, f"has a column {quoted(twice[0])} more than once", right)
    if len(schema) < 2:
        raise MalformedFile(file, f"has {len(schema)} columns", "a label and a feature are needed")


def _is_plain(kind: Any) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_plain(kind.value_type) and not types.is_dictionary(kind.value_type)
    return any(
        check(kind)
        for check in (
            types.is_boolean,
            types.is_integer,
            types.is_floating,
            types.is_decimal,
            types.is_date,
            types.is_timestamp,
            types.is_string,
            types.is_large_string,
            types.is_string_view,
            types.is_null,
        )
    )


def _readable(array: Any) -> Any:
    """An array as `read_table` takes it: categories of texts, and texts of one type."""
    types = pa.types
    if types.is_dictionary(array.type):
        levels = array.dictionary
        if types.is_string(levels.type):
            return array
        if types.is_large_string(levels.type) or types.is_string_view(levels.type):
            return pa.DictionaryArray.from_arrays(array.indices, pc.cast(levels, pa.string()))
        return array.dictionary_decode()  # categories of numbers are numbers
    if types.is_null(array.type) or types.is_large_string(array.type) or types.is_string_view(array.type):
        return pc.cast(array, pa.string())
    return array
