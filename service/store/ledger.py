"""The ledgers of the test sets: every look at their rows, and its answer. Entries are never removed.

A look counts for every test set that has one of its rows, by their digests: neither another ratio, nor a copy, a
subset or another order of the data starts a new count.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store.engine.clock import now
from service.store.errors import RowsUsedBefore
from service.store.exposures import RowUse
from service.store.tables import LedgerEntry
from workers.data.exposed_rows import Mask
from workers.data.row_digests import Digests
from workers.validation.errors import FieldError

LISTED = 100
"""Earlier uses that an entry lists by experiment; all of them are counted."""


@dataclass(frozen=True)
class NewEntry:
    """The columns of `LedgerEntry` that are known before a test set is opened."""

    test_set: str
    digests: bytes
    weights: str
    ladder: bool
    experiment_id: int
    spec_hash: str
    dataset: str
    source: str
    rows: int
    classes: list[str]
    majority_accuracy: float | None
    owner: str
    accepted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Limits:
    """What allows a look: the budget, None for a Ladder, and what the request accepts.

    is_strict: whether no request may exceed the budget, whatever it accepts.
    """

    budget: int | None
    accept: frozenset[str] = frozenset()
    is_strict: bool = False

    def require(self, looks: Sequence[RowUse], exposed: Sequence[RowUse], *, test_set_looks: int) -> None:
        """Raise RowsUsedBefore if earlier uses forbid the look. test_set_looks: looks at exactly the same rows."""
        refused_exposed = exposed if "exposed" not in self.accept else []
        refused_looks = looks if self._exceeds(len(looks), test_set_looks) else []
        if refused_exposed or refused_looks or self.budget == 0:
            raise RowsUsedBefore(
                budget=self.budget,
                is_strict=self.is_strict,
                looks=[_look_error(use) for use in refused_looks],
                exposed=[_exposed_error(index, use) for index, use in enumerate(refused_exposed)],
            )

    def _exceeds(self, looks: int, test_set_looks: int) -> bool:
        """A Ladder allows any number of looks at the same rows, and none at others that share some of them."""
        exceeds = looks > test_set_looks if self.budget is None else looks >= self.budget
        return exceeds and (self.is_strict or "looked_at" not in self.accept)


def overlapping(connection: Connection, test_set: str, digests: Digests) -> list[tuple[Row[Any], Mask]]:
    """The entries that share a row with a test set, in the order of the looks, and which rows (n,) these are."""
    columns: list[Any] = [LedgerEntry.id, LedgerEntry.test_set, LedgerEntry.digests]
    shared = {
        row.id: _shared(row, test_set, digests)
        for row in connection.execute(select(*columns).order_by(LedgerEntry.id))
    }
    shared = {id_: mask for id_, mask in shared.items() if mask.any()}
    entries = select(LedgerEntry).where(LedgerEntry.id.in_(shared)).order_by(LedgerEntry.id)
    return [(entry, shared[entry.id]) for entry in connection.execute(entries)]


def entries(connection: Connection, test_set: str) -> Sequence[Row[Any]]:
    """The entries of exactly this test set, in the order of the looks."""
    mine = select(LedgerEntry).where(LedgerEntry.test_set == test_set)
    return connection.execute(mine.order_by(LedgerEntry.id)).all()


def state(connection: Connection) -> tuple[int, int]:
    """The number of all looks, and of those that have an answer."""
    looks, answered = connection.execute(select(func.count(), func.count(LedgerEntry.losses))).one()
    return looks, answered


def find(connection: Connection, test_set: str, weights: str) -> Row[Any] | None:
    """The entry of the same models on the same rows, answered or not."""
    same = select(LedgerEntry).where(LedgerEntry.test_set == test_set, LedgerEntry.weights == weights)
    found: Row[Any] | None = connection.execute(same).one_or_none()
    return found


def find_among(earlier: Sequence[tuple[Row[Any], Mask]], test_set: str, weights: str) -> Row[Any] | None:
    """The same among entries that were read at one time: if it is asked for before or after them, another request may
    enter this look in between, which would then forbid itself.
    """
    same = (entry for entry, _ in earlier if (entry.test_set, entry.weights) == (test_set, weights))
    return next(same, None)


def count_at(earlier: Sequence[tuple[Row[Any], Mask]], test_set: str) -> int:
    """How many of these entries are looks at exactly this test set."""
    return sum(entry.test_set == test_set for entry, _ in earlier)


def open_test_set(
    connection: Connection, new_entry: NewEntry, limits: Limits, exposed: Sequence[RowUse] = ()
) -> tuple[Row[Any], bool]:
    """Write an entry for this look, or find that of the same models; return it, and whether it is new.

    exposed: the experiments that trained or validated on rows of it. Raises RowsUsedBefore if the limits forbid the
    look. Of two looks at the same time, the second waits here until the first has committed, and then counts it:
    their entries would have the same number.
    """
    while True:
        # Read first: whatever is committed after it has a higher number, and whatever was before is counted below.
        last = connection.execute(select(func.max(LedgerEntry.id))).scalar() or 0
        earlier = overlapping(connection, new_entry.test_set, np.frombuffer(new_entry.digests, "<u8"))
        same = find_among(earlier, new_entry.test_set, new_entry.weights)
        if same is not None:
            return same, False
        looks = uses(earlier)
        limits.require(looks, exposed, test_set_looks=count_at(earlier, new_entry.test_set))
        numbers = {"id": last + 1, "look": len(looks) + 1}
        new = insert(LedgerEntry).values(**asdict(new_entry), **numbers, opened_at=now())
        new = new.values(earlier_uses=_summary(looks, exposed))
        try:
            with connection.begin_nested():
                return connection.execute(new.returning(*LedgerEntry.__table__.c)).one(), True
        except IntegrityError:
            continue


def close(connection: Connection, entry_id: int, answer: dict[str, Any], losses: bytes) -> None:
    """Store the answer of an entry. If it has one already, that stays: a second would be the same."""
    mine = update(LedgerEntry).where(LedgerEntry.id == entry_id, LedgerEntry.losses.is_(None))
    connection.execute(mine.values(answer=answer, losses=losses))


def without_digests(connection: Connection) -> Sequence[Row[Any]]:
    """The entries that a version without digests wrote."""
    return connection.execute(select(LedgerEntry).where(LedgerEntry.digests.is_(None))).all()


def add_digests(connection: Connection, entry_id: int, digests: bytes) -> None:
    """Add the digests of the rows to an entry."""
    connection.execute(update(LedgerEntry).where(LedgerEntry.id == entry_id).values(digests=digests))


def uses(overlaps: Sequence[tuple[Row[Any], Mask]]) -> list[RowUse]:
    """Entries as uses of the rows that they share."""
    return [
        RowUse(entry.experiment_id, entry.owner, entry.dataset, mask, entry.look) for entry, mask in overlaps
    ]


def _shared(row: Row[Any], test_set: str, digests: Digests) -> Mask:
    if row.test_set == test_set:
        return np.ones(len(digests), bool)
    if row.digests is None:
        return np.zeros(len(digests), bool)
    mask: Mask = np.isin(digests, np.frombuffer(row.digests, "<u8"))
    return mask


def _summary(looks: Sequence[RowUse], exposed: Sequence[RowUse]) -> dict[str, Any]:
    """The earlier uses as JSON: how many rows each kind concerns, and the experiments with the most."""
    most = sorted([*exposed, *looks], key=lambda use: -int(use.rows.sum()))[:LISTED]
    return {
        "exposed_rows": rows_used(exposed),
        "looked_at_rows": rows_used(looks),
        "items": [listed(use) for use in most],
    }


def rows_used(uses: Sequence[RowUse]) -> int:
    """How many rows have any of these uses."""
    return int(np.any([use.rows for use in uses], axis=0).sum()) if uses else 0


def listed(use: RowUse) -> dict[str, Any]:
    """One earlier use as JSON."""
    return {
        "kind": "exposed" if use.look is None else "looked_at",
        "rows": int(use.rows.sum()),
        "experiment_id": use.experiment_id,
        "owner": use.owner,
        "dataset": use.dataset,
        "look": use.look,
    }


def _look_error(use: RowUse) -> FieldError:
    where = f"look {use.look}, by experiment {use.experiment_id}, at {_of_rows(use)}"
    return FieldError(f"ledger[{(use.look or 1) - 1}]", listed(use), where)


def _exposed_error(index: int, use: RowUse) -> FieldError:
    where = f"experiment {use.experiment_id} trains or validates on {_of_rows(use)}"
    return FieldError(f"exposed[{index}]", listed(use), where)


def _of_rows(use: RowUse) -> str:
    return f"{int(use.rows.sum()):,} of these {len(use.rows):,} rows, under data set '{use.dataset}'"
