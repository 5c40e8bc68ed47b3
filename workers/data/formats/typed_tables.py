"""Formats of tables other than CSV. Each names its reader; everything else is the same for all."""

from pathlib import Path
from typing import Literal

from workers.data.formats.table_format import TableFormat
from workers.data.tables.table_reader import TableReader
from workers.tagged_union import variant

# The readers are imported where they are used: the service itself imports the formats, but never pyarrow.


@variant
class Parquet(TableFormat):
    """A Parquet file. Its columns have types: categories, dates, booleans, numbers that may be missing, and texts.

    Nested columns are refused. `label` names the column to predict, by default the last.
    Source: the Apache Parquet format.
    """

    name: Literal["parquet"] = "parquet"

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.arrow_reader import ParquetReader

        return ParquetReader(folder / "file", f"{folder.name}.parquet")


@variant
class Feather(TableFormat):
    """A Feather file of version 2, which is an Arrow file. Its columns have types, as those of Parquet.

    Source: the Apache Arrow columnar format.
    """

    name: Literal["feather"] = "feather"

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.arrow_reader import FeatherReader

        return FeatherReader(folder / "file", f"{folder.name}.feather")


@variant
class JsonLines(TableFormat):
    """An object in each line, whose keys are the columns. A key that is not there, or null, is a missing cell.

    Nested values are refused. Source: JSON Lines, and RFC 8259.
    """

    name: Literal["jsonl"] = "jsonl"

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.json_lines_reader import JsonLinesReader

        return JsonLinesReader(folder / "file", f"{folder.name}.jsonl")


@variant
class ARFF(TableFormat):
    """Numeric, integer, nominal, string and date columns, quoted or not, in dense or sparse rows; ? is missing.

    Source: Weka, Attribute-Relation File Format.
    """

    name: Literal["arff"] = "arff"

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.declared_reader import DeclaredReader

        return DeclaredReader(folder / "file", f"{folder.name}.arff")


@variant
class KEEL(TableFormat):
    """A data set of the KEEL repository: attributes with intervals or levels; `@outputs` is the label.

    Source: Alcala-Fdez et al. 2011, KEEL data-mining software tool: data set repository.
    """

    name: Literal["keel"] = "keel"

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.declared_reader import DeclaredReader

        return DeclaredReader(folder / "file", f"{folder.name}.dat")


@variant
class SVMlight(TableFormat):
    """A label and `position:value` pairs in each line; positions count from 0 or from 1, and the rest is 0.

    Source: Joachims 1999, Making large-scale SVM learning practical.
    """

    name: Literal["svmlight"] = "svmlight"

    def reader(self, folder: Path) -> TableReader:
        from workers.data.tables.svmlight_reader import SvmlightReader

        return SvmlightReader(folder / "file", f"{folder.name}.svmlight")
