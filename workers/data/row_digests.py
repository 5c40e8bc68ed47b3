"""Digests of rows by their content: which rows are the same one, and an order that no file and no seed decides.

The rows of each class in ascending order of their digests: the first ones are held back for the test. So the test
parts of all ratios are nested, a copy of the data under another name has the same ones, and neither the order of the
file nor a seed moves them. Columns that are scaled or reordered make other rows: a digest cannot see through that.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.data.columns import Column
from workers.data.dataset import Dataset, Indices, Labels, rows_by_class
from workers.nn.arrays import Integers

Digests = NDArray[np.uint64]

VERSION = 1
KEY = f"holdout: order of rows, {VERSION}".encode()
"""Another key would move every test part."""
BLOCK_BYTES = 16_000_000
"""Converted at a time: bounds memory."""


def row_digests(dataset: Dataset) -> Digests:
    """A digest (n,) of each row's features and the name of its class, or in a regression its target.

    A category or a boolean counts by its text, so that two files with other sets of levels have the same rows.

    Keyed BLAKE2b of 8 bytes, over the class's name and the original values in single precision, little endian: so
    bytes and floats of the same values are the same row. Of values that need more precision, which a data set with an
    offset has, the remainders follow. Two different rows share a digest with probability 2^-64.
    """
    hashers = [_hasher(name) for name in dataset.classes]
    targets = None if dataset.targets is None else np.asarray(dataset.targets, "<f8") + 0.0
    of_number = _hasher("a number")
    digests = bytearray()
    width = dataset.features.shape[1] * 4
    rows = max(1, BLOCK_BYTES // width)
    texts = [_level_texts(dataset, index) for index in _columns_of_levels(dataset.columns)]
    for start in range(0, len(dataset), rows):
        values, remainders = _values(dataset, slice(start, start + rows))
        block = memoryview(values.tobytes())
        for i, label in enumerate(dataset.labels[start : start + rows].tolist()):
            hasher = (hashers[label] if targets is None else of_number).copy()
            if targets is not None:
                hasher.update(targets[start + i].tobytes())
            hasher.update(block[i * width : (i + 1) * width])
            if remainders is not None and remainders[i].any():
                hasher.update(remainders[i].tobytes())
            for codes, of_levels in texts:
                hasher.update(of_levels[codes[start + i]])
            digests += hasher.digest()
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)


def first_rows(digests: Digests, labels: Labels, wanted: Integers, most: Integers) -> Indices:
    """The first `wanted[k]` rows of each class k in the order of the digests, ascending indices.

    Of equal rows all are taken, or none: a class may have a few rows more than wanted, though never more than
    `most[k]`; if these would be too many, it has fewer.
    """
    taken = [
        rows[np.argsort(digests[rows], kind="stable")][: _whole_groups(np.sort(digests[rows]), count, limit)]
        for rows, count, limit in zip(rows_by_class(labels, len(wanted)), wanted, most, strict=True)
    ]
    return np.sort(np.concatenate(taken))


def groups_of_equal_rows(digests: Digests) -> Indices:
    """The group (n,) of each row, from 0: equal rows have the same one, whatever their place."""
    return np.unique(digests, return_inverse=True)[1].astype(np.int64)


def _whole_groups(ordered: Digests, wanted: int, most: int) -> int:
    """The smallest number of whole groups' rows that is at least `wanted`, or the largest that is at most `most`."""
    if wanted <= 0:
        return 0
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(ordered))
    possible = ends[ends <= most]
    enough = possible[possible >= wanted]
    return int(enough[0] if len(enough) else possible[-1] if len(possible) else 0)


def _hasher(name: str) -> "hashlib.blake2b":
    """Begins with the name's length, so that no name and features run into each other."""
    text = name.encode()
    return hashlib.blake2b(len(text).to_bytes(4, "little") + text, digest_size=8, key=KEY)


def _columns_of_levels(columns: Sequence[Column] | None) -> list[int]:
    """The places of the columns whose stored numbers are codes of levels."""
    return [index for index, column in enumerate(columns or ()) if column.levels is not None]


def _level_texts(dataset: Dataset, index: int) -> tuple[list[int], list[bytes]]:
    """Of a column with levels: the code (n,) of each row, and the bytes of each level; last those of a missing one.

    The bytes begin with the length of the text, or with the length -1.
    """
    columns = dataset.columns or ()
    texts = [level.encode() for level in columns[index].levels or ()]
    coded = [len(text).to_bytes(4, "little", signed=True) + text for text in texts]
    codes = dataset.features[:, index].astype(np.float64)
    missing = (-1).to_bytes(4, "little", signed=True)
    return np.where(np.isnan(codes), len(coded), codes).astype(np.int64).tolist(), [*coded, missing]


def _values(dataset: Dataset, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The original values of rows (n, d) in single precision, and what they lack of double precision.

    -0 is 0, a missing value is one NaN, and codes of levels are 0.
    """
    block = dataset.features[rows]
    if dataset.offset is None:
        return _canonical(np.ascontiguousarray(block, "<f4") + np.float32(0), dataset.columns), None
    original = block + dataset.offset
    values = original.astype("<f4") + np.float32(0)
    remainders = (original - values).astype("<f4") + np.float32(0)
    remainders[np.isnan(original)] = 0
    return _canonical(values, dataset.columns), remainders


def _canonical(values: NDArray[np.float32], columns: Sequence[Column] | None) -> NDArray[np.float32]:
    """`values` (n, d) with one NaN for all that are missing, and 0 for every code of a level."""
    if columns is not None:
        values[np.isnan(values)] = np.float32(np.nan)
        values[:, _columns_of_levels(columns)] = 0
    return values
