"""The formats of uploads. A new one is a file here, and a member of the union."""

from typing import Annotated

from workers.data.formats.csv import CSV
from workers.data.formats.format import Format
from workers.data.formats.idx import IDX
from workers.data.formats.images import Images
from workers.data.formats.npz import NPZ
from workers.data.formats.typed_tables import ARFF, KEEL, Feather, JsonLines, Parquet, SVMlight
from workers.tagged_union import ByName

AnyFormat = Annotated[
    CSV | Parquet | Feather | JsonLines | ARFF | KEEL | SVMlight | NPZ | IDX | Images, ByName()
]

__all__ = [
    "ARFF",
    "CSV",
    "IDX",
    "KEEL",
    "NPZ",
    "AnyFormat",
    "Feather",
    "Format",
    "Images",
    "JsonLines",
    "Parquet",
    "SVMlight",
]
