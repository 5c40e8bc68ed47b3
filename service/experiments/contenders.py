"""The experiments of one request to compare, in pairs, with what is stored of their runs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from service.store.attempts import Computations
from service.store.run_keys import RunKey
from service.store.spec_facts import is_of_folds
from workers.evaluation.selection import SelectionMetric


@dataclass(frozen=True, eq=False)
class Contender:
    """An experiment: what sentences call it, and what is stored of each run that has succeeded.

    figures: its metrics at its selected epoch. row_results: its `id` and `sha256`, if it kept row-level results.
    computations: what computed it, also if it has not succeeded.
    """

    experiment: Row[Any]
    title: str
    figures: Mapping[RunKey, Row[Any]]
    row_results: Mapping[RunKey, Row[Any]]
    computations: Computations

    @property
    def id(self) -> int:
        return int(self.experiment.id)

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.experiment.spec
        return spec

    @property
    def dataset(self) -> dict[str, Any]:
        """The facts about its data set."""
        facts: dict[str, Any] = self.experiment.plan["dataset"]
        return facts

    @property
    def of_folds(self) -> bool:
        """Whether it is a cross-validation."""
        return is_of_folds(self.spec)

    def value(self, metric: SelectionMetric, run: RunKey) -> float | None:
        value: float | None = getattr(self.figures[run], metric)
        return value


@dataclass(frozen=True, eq=False)
class Pair:
    """Two experiments to compare by a metric."""

    a: Contender
    b: Contender
    metric: SelectionMetric

    @property
    def of_folds(self) -> bool:
        """Whether both are cross-validations."""
        return self.a.of_folds and self.b.of_folds

    @property
    def runs(self) -> list[RunKey]:
        """The runs that have succeeded in both, ascending."""
        return [run for run in self.a.figures if run in self.b.figures]

    @property
    def seeds(self) -> list[int]:
        """The seeds of these runs, ascending."""
        return sorted({run.seed for run in self.runs})

    def values(self, of: Contender, runs: Iterable[RunKey]) -> list[float]:
        """The values of shared runs, except those without a value."""
        return [value for run in runs if (value := of.value(self.metric, run)) is not None]


def titles(experiments: Iterable[Row[Any]]) -> dict[int, str]:
    """What sentences call each experiment: its name, and its number if it has no name or shares it with another."""
    named = {each.id: each.name for each in experiments}
    uses = Counter(named.values())
    return {id_: _title(id_, name, unique=uses[name] == 1) for id_, name in named.items()}


def _title(experiment_id: int, name: str | None, *, unique: bool) -> str:
    number = f"experiment {experiment_id}"
    if not name:
        return number
    return f"'{name}'" if unique else f"'{name}' ({number})"
