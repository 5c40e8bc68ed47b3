"""Positions among the rows of epochs, as cursors and event ids contain them.

Repeat and fold are left out where both are 0, as in every experiment with one split.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from service.http import cursors
from service.store.epochs.epoch_reader import RowPosition, RunPosition, RunPositions
from workers.spec import MOST_RUNS

_Positions = Annotated[list[RunPosition], Field(min_length=1, max_length=MOST_RUNS)]
OF_RUNS: TypeAdapter[list[RunPosition]] = TypeAdapter(_Positions)
OF_A_ROW: TypeAdapter[RowPosition] = TypeAdapter(RowPosition)


def encode_runs(positions: RunPositions) -> str:
    """The cursor behind the last row that was read of each run."""
    return cursors.encode([_short(position) for position in positions])


def decode_runs(cursor: str) -> RunPositions:
    """The positions behind a cursor. Raises InvalidCursor."""
    return cursors.decode(cursor, OF_RUNS)


def encode_row(position: RowPosition) -> str:
    """The cursor behind a row of several experiments."""
    return cursors.encode(_short(position))


def decode_row(cursor: str) -> RowPosition:
    """The position behind a cursor. Raises InvalidCursor."""
    return cursors.decode(cursor, OF_A_ROW)


def _short(position: RunPosition | RowPosition) -> Iterable[Any]:
    return position if position.repeat or position.fold else position[:-2]
