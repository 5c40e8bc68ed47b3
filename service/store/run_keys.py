"""The key of a run within its experiment: repeat, fold and seed. With one split it is (0, 0, seed)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement

from service.store.tables import Run

R = TypeVar("R")
BY_KEY = (Run.repeat, Run.fold, Run.seed)
"""The order in which the runs of an experiment are returned."""


class RunKey(NamedTuple):
    """One run of an experiment."""

    repeat: int
    fold: int
    seed: int

    @classmethod
    def of(cls, row: Any) -> "RunKey":
        """The key of a row, or of an object, with these three fields."""
        return cls(row.repeat, row.fold, row.seed)


def spread_over_folds(runs: Sequence[R], most: int) -> list[R]:
    """At most so many of the runs, of all folds before a second seed of any, ordered by their keys."""
    of_fold: dict[tuple[int, int], int] = {}
    places = []
    for run in runs:
        fold = RunKey.of(run)[:2]
        of_fold[fold] = of_fold.get(fold, -1) + 1
        places.append(of_fold[fold])
    by_place = [run for _, run in sorted(zip(places, runs, strict=True), key=lambda pair: pair[0])]
    return sorted(by_place[:most], key=RunKey.of)


@dataclass(frozen=True)
class RunFilter:
    """The runs that a request asks for; None matches any value."""

    repeat: int | None = None
    fold: int | None = None
    seed: int | None = None

    def matches(self, key: RunKey) -> bool:
        """Whether a run is among them."""
        return all(
            wanted in (None, value)
            for wanted, value in zip((self.repeat, self.fold, self.seed), key, strict=True)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as conditions of a query."""
        wanted = zip(BY_KEY, (self.repeat, self.fold, self.seed), strict=True)
        return [column == value for column, value in wanted if value is not None]


ALL_RUNS = RunFilter()


def name_of_run(key: RunKey, *, of_folds: bool) -> str:
    """What messages call a run: `seed 0`, or in a cross-validation `seed 0 of fold 2, repeat 1`."""
    return f"seed {key.seed} of fold {key.fold}, repeat {key.repeat}" if of_folds else f"seed {key.seed}"


def are_of_folds(keys: Iterable[RunKey]) -> bool:
    """Whether the runs of an experiment are those of a cross-validation."""
    return any(key.repeat or key.fold for key in keys)
