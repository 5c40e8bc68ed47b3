"""Reasons why two experiments cannot be compared: one function per reason, each with a remedy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from service.schemas.base import Remark
from service.store.run_keys import RunKey
from service.store.tables import ACTIVE_STATUSES
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric

MIN_SEEDS = 2
"""A standard deviation needs two differences."""


@dataclass(frozen=True, eq=False)
class Contender:
    """An experiment, and the metrics of each run that has succeeded, at its selected epoch."""

    experiment: Row[Any]
    figures: Mapping[RunKey, Row[Any]]

    @property
    def id(self) -> int:
        return int(self.experiment.id)

    @property
    def title(self) -> str:
        """Its number, and its name if it has one: `6 ('focal')`."""
        return f"{self.id} ('{self.experiment.name}')" if self.experiment.name else str(self.id)

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.experiment.spec
        return spec

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
    def runs(self) -> list[RunKey]:
        """The runs that have succeeded in both, ascending."""
        return [run for run in self.a.figures if run in self.b.figures]

    @property
    def seeds(self) -> list[int]:
        """The seeds of these runs, ascending."""
        return sorted({run.seed for run in self.runs})

    def values(self, of: Contender) -> list[float]:
        """The values of the shared runs, except those without a value."""
        return [value for run in self.runs if (value := of.value(self.metric, run)) is not None]


def why_not_comparable(pair: Pair) -> Remark | None:
    """The first reason why two experiments cannot be compared; None if they can be."""
    return next((found for each in REASONS if (found := each(pair))), None)


def different_data(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    ours, theirs = (each.experiment.plan["dataset"] for each in (a, b))
    if ours["sha256"] == theirs["sha256"]:
        return None
    names = f"'{ours['name']}' ({ours['sha256'][:12]}) and '{theirs['name']}' ({theirs['sha256'][:12]})"
    return Remark(
        code="different_data",
        sentence=f"Experiments {a.title} and {b.title} use different data: {names}.",
        remedy=f'Submit the spec of {b.id} with "dataset" as in experiment {a.id}.',
    )


def different_split(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    if _validation_rows(a) == _validation_rows(b):
        return None
    return Remark(
        code="different_split",
        sentence=f"Experiments {a.title} and {b.title} were validated on different rows: their splits differ.",
        remedy=f'Submit the spec of {b.id} with "split" as in experiment {a.id}, '
        'and with any imbalance in the training part only ("parts": "training").',
    )


def different_losses(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    if pair.metric != "loss" or a.spec["loss"] == b.spec["loss"]:
        return None
    return Remark(
        code="different_losses",
        sentence=f"Experiments {a.title} and {b.title} minimise different losses, whose values cannot be compared.",
        remedy="Compare by a metric that does not depend on the loss: balanced_accuracy, or nll.",
    )


def too_few_seeds(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    count = len(pair.seeds)
    if count >= MIN_SEEDS:
        return None
    common = len(set(a.spec["seeds"]) & set(b.spec["seeds"]))
    which = "no seed has" if count == 0 else "only one seed has"
    return Remark(
        code="no_shared_seeds" if count == 0 else "single_shared_seed",
        sentence=f"{which.capitalize()} succeeded in both experiments {a.title} and {b.title}, so a real difference "
        "cannot be separated from chance.",
        remedy=_how_to_get_seeds(a, b, enough=common >= MIN_SEEDS),
    )


def undefined_metric(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    without = [each for each in (a, b) if len(pair.values(each)) < len(pair.runs)]
    if not without:
        return None
    older = "its epochs are older than the metric"
    null_if = BY_NAME[pair.metric].null_if
    reason = f"{null_if}, or {older}" if null_if else older
    return Remark(
        code="undefined_metric",
        sentence=f"Experiment {without[0].title} has no {pair.metric}: {reason}.",
        remedy="Compare by balanced_accuracy, accuracy, macro_f1 or mcc.",
    )


REASONS: tuple[Callable[[Pair], Remark | None], ...] = (
    different_data,
    different_split,
    different_losses,
    too_few_seeds,
    undefined_metric,
)


def _validation_rows(of: Contender) -> tuple[Any, Any]:
    """The fields of a spec that choose the validation rows: the split, and an imbalance that is made before it."""
    imbalance = of.spec["dataset"].get("imbalance")
    before = imbalance if imbalance and imbalance["parts"] == "all" else None
    return of.spec["split"], before


def _how_to_get_seeds(a: Contender, b: Contender, *, enough: bool) -> str:
    if not enough:
        return 'Submit both with the same seeds, as in "seeds": [0, 1, 2, 3, 4].'
    active = [each.id for each in (a, b) if each.experiment.status in ACTIVE_STATUSES]
    if active:
        return f"Wait until {' and '.join(f'experiment {id_}' for id_ in active)} ended."
    return "Retry the failed runs: POST /experiments/{id}/retry."
