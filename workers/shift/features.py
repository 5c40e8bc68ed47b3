"""Which features of a batch moved, and by how much: each is tested, and the tests are corrected for each other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workers.data.columns import Column
from workers.nn.arrays import Array, Integers
from workers.shift import kolmogorov_smirnov
from workers.shift.detection import Detection, Floats, holm
from workers.shift.feature_move import FeatureMove, expected_beyond, move_of_levels, move_with_missing

MOST_REFERENCE_CELLS = 4_000_000
"""Of the validation rows that features are compared with, so that a comparison takes a second or two."""


def compare_features(
    reference: Array | Integers,
    batch: Array | Integers,
    columns: Sequence[Column],
    stream: np.random.Generator,
    offset: Floats | None = None,
) -> tuple[list[FeatureMove], Detection]:
    """The features (m, d) against (n, d) as they are stored, the largest move first, and the detector of all of them.

    Numbers by Kolmogorov-Smirnov, levels and missing values by chi-square. NaN is missing, -1 an unknown level.
    offset: (d,), what was subtracted from the original values.
    """
    n, d = batch.shape
    offsets = np.zeros(d) if offset is None else offset
    some = stream.permutation(len(reference))[: max(20, MOST_REFERENCE_CELLS // d)]
    before: Any = reference[np.sort(some)]
    found = _plain_numbers(before, batch, columns, offsets)
    for index in set(range(d)) - found.keys():
        column = columns[index]
        old, new = (rows[:, index].astype(np.float32) for rows in (before, batch))
        if column.levels is None:
            found[index] = move_with_missing(old, new, column, d, stream, float(offsets[index]))
        else:
            found[index] = move_of_levels(old, new, column, d, stream)
    moves = [found[index] for index in range(d)]
    corrected = holm(np.array([move.p_value for move in moves]))
    moves = [replace(move, p_value=float(p)) for move, p in zip(moves, corrected, strict=True)]
    moves.sort(key=lambda move: (-move.move, move.p_value))
    smallest = min((move.smallest_move for move in moves if move.smallest_move is not None), default=None)
    return moves, Detection("features", moves[0].move, float(corrected.min()), d, len(before), n, smallest)


def _plain_numbers(
    before: Any, batch: Any, columns: Sequence[Column], offsets: Floats
) -> dict[int, FeatureMove]:
    """The moves of the columns of numbers without missing values, all of them at once, by the index of the column."""
    plain = np.array([column.levels is None for column in columns])
    if before.dtype.kind == "f":
        plain &= ~(np.isnan(before).any(axis=0) | np.isnan(batch).any(axis=0))
    places = np.flatnonzero(plain)
    if not len(places):
        return {}
    old, new = (rows if plain.all() else rows[:, places] for rows in (before, batch))
    m, n = len(old), len(new)
    distances = kolmogorov_smirnov.distances(old, new)
    p_values = kolmogorov_smirnov.p_values(distances, m, n)
    beyond = ((new < old.min(axis=0)) | (new > old.max(axis=0))).sum(axis=0)
    means = [rows.mean(axis=0, dtype=np.float64) + offsets[places] for rows in (old, new)]
    smallest = kolmogorov_smirnov.smallest_distance(m, n, len(columns))
    return {
        index: FeatureMove(
            columns[index].name,
            columns[index].kind,
            move=float(distances[at]),
            p_value=float(p_values[at]),
            smallest_move=smallest,
            mean_before=float(means[0][at]),
            mean_after=float(means[1][at]),
            out_of_range=int(beyond[at]),
            out_of_range_expected=expected_beyond(m, n),
        )
        for at, index in enumerate(places.tolist())
    }
