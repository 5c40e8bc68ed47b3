"""The ledgers of the test sets: every look at their rows, and its answer. Entries are never removed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store.engine.clock import now
from service.store.errors import BudgetSpent
from service.store.tables import LedgerEntry
from workers.validation.errors import FieldError


@dataclass(frozen=True)
class NewEntry:
    """The columns of `LedgerEntry` that are written before a test set is opened."""

    test_set: str
    weights: str
    ladder: bool
    experiment_id: int
    spec_hash: str
    dataset: str
    source: str
    rows: int
    owner: str


def entries(connection: Connection, test_set: str) -> Sequence[Row[Any]]:
    """The ledger of a test set, in the order of the looks."""
    mine = select(LedgerEntry).where(LedgerEntry.test_set == test_set)
    return connection.execute(mine.order_by(LedgerEntry.look)).all()


def state(connection: Connection, test_set: str) -> tuple[int, int]:
    """The number of looks, and of those that have an answer."""
    counts = select(func.count(), func.count(LedgerEntry.losses))
    looks, answered = connection.execute(counts.where(LedgerEntry.test_set == test_set)).one()
    return looks, answered


def find(connection: Connection, new_entry: NewEntry, *, budget: int | None) -> Row[Any] | None:
    """The entry of the same models, answered or not; None if the budget allows a new one. Raises BudgetSpent."""
    return _same(entries(connection, new_entry.test_set), new_entry, budget)


def open_test_set(
    connection: Connection, new_entry: NewEntry, *, budget: int | None
) -> tuple[Row[Any], bool]:
    """Write an entry for this look, or find that of the same models; return it, and whether it is new.

    Raises BudgetSpent if a new entry would exceed `budget`. Of two looks at the same time, the second waits here
    until the first has committed, and then counts it.
    """
    while True:
        before = entries(connection, new_entry.test_set)
        same = _same(before, new_entry, budget)
        if same is not None:
            return same, False
        new = insert(LedgerEntry).values(**asdict(new_entry), look=len(before) + 1, opened_at=now())
        try:
            with connection.begin_nested():
                return connection.execute(new.returning(*LedgerEntry.__table__.c)).one(), True
        except IntegrityError:
            continue


def close(connection: Connection, entry_id: int, answer: dict[str, Any], losses: bytes) -> None:
    """Store the answer of an entry. If it has one already, that stays: a second would be the same."""
    mine = update(LedgerEntry).where(LedgerEntry.id == entry_id, LedgerEntry.losses.is_(None))
    connection.execute(mine.values(answer=answer, losses=losses))


def _same(before: Sequence[Row[Any]], new_entry: NewEntry, budget: int | None) -> Row[Any] | None:
    same = next((entry for entry in before if entry.weights == new_entry.weights), None)
    if same is None and budget is not None and len(before) >= budget:
        raise BudgetSpent(budget, [_shown(entry) for entry in before])
    return same


def _shown(entry: Row[Any]) -> FieldError:
    value = {"experiment_id": entry.experiment_id, "accuracy": entry.answer and entry.answer["accuracy"]}
    return FieldError(
        f"ledger[{entry.look - 1}]", value, f"look {entry.look}, by experiment {entry.experiment_id}"
    )
