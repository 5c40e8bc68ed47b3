"""Encodes and scales the rows of a table."""

import numpy as np

from workers.nn.arrays import CHUNK, Array, Integers


def encode(
    features: Array | Integers,
    rows: Integers,
    starts: Integers,
    fills: Array,
    indicators: Integers,
    tables: Integers,
    places: Integers,
    values: Array,
    offset: Array,
    factor: Array,
    x: Array,
) -> None:
    x[...] = 0
    for column in range(features.shape[1]):
        step = max(1, CHUNK)
        for first in range(0, len(rows), step):
            some = slice(first, first + step)
            stored, out = features[rows[some], column].astype(x.dtype), x[some]
            missing = np.isnan(stored)
            if tables[column] == tables[column + 1]:
                out[:, starts[column]] = np.where(missing, fills[column], stored)
                if indicators[column] >= 0:
                    out[:, indicators[column]] = missing
            else:
                table = slice(tables[column], tables[column + 1])
                _look_up(stored, places[table], values[table], out)
    x -= offset
    x *= factor


def _look_up(codes: Array, places: Integers, values: Array, out: Array) -> None:
    """out[i, places[c]] = values[c] for the code c of row i; the last entry of the table is that of NaN."""
    levels = len(places) - 1
    known = np.isnan(codes) | ((codes >= 0) & (codes < levels))
    entries = np.where(np.isnan(codes), levels, codes)[known].astype(np.int64)
    at, row = places[entries], np.flatnonzero(known)
    out[row[at >= 0], at[at >= 0]] = values[entries[at >= 0]]
