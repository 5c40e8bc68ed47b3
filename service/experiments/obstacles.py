"""Why two experiments cannot be compared: each reason is one function, and says what would help."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from service.schemas.answer import Remark
from service.store.tables import ACTIVE
from workers.evaluation.selection import SelectionMetric

FEWEST_SEEDS = 2
"""That a difference has a spread at all."""


@dataclass(frozen=True, eq=False)
class Contender:
    """An experiment, and the validation figures of each seed that has succeeded, at its selected epoch."""

    experiment: Row[Any]
    figures: Mapping[int, Row[Any]]

    @property
    def id(self) -> int:
        return int(self.experiment.id)

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.experiment.spec
        return spec

    def value(self, metric: SelectionMetric, seed: int) -> float | None:
        value: float | None = getattr(self.figures[seed], metric)
        return value


@dataclass(frozen=True, eq=False)
class Pair:
    """Two experiments that are to be compared by a metric."""

    a: Contender
    b: Contender
    metric: SelectionMetric

    @property
    def seeds(self) -> list[int]:
        """Those that have succeeded in both, in the order of `a`."""
        return [seed for seed in self.a.figures if seed in self.b.figures]

    def values(self, of: Contender) -> list[float]:
        """Of the shared seeds, where the metric is defined."""
        return [value for seed in self.seeds if (value := of.value(self.metric, seed)) is not None]


def obstacle(pair: Pair) -> Remark | None:
    """The first thing that keeps two experiments from being compared; None where they can be."""
    return next((found for each in OBSTACLES if (found := each(pair))), None)


def different_data(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    ours, theirs = (each.experiment.plan["dataset"] for each in (a, b))
    if ours["sha256"] == theirs["sha256"]:
        return None
    names = f"'{ours['name']}' ({ours['sha256'][:12]}) and '{theirs['name']}' ({theirs['sha256'][:12]})"
    return Remark(
        code="different_data",
        sentence=f"Experiments {a.id} and {b.id} are on different data: {names}.",
        remedy=f'Submit the spec of {b.id} with "dataset" as in experiment {a.id}.',
    )


def different_split(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    if _rows(a) == _rows(b):
        return None
    return Remark(
        code="different_split",
        sentence=f"Experiments {a.id} and {b.id} were not validated on the same rows: their splits differ.",
        remedy=f'Submit the spec of {b.id} with "split" as in experiment {a.id}, '
        "and thin the training part only.",
    )


def different_losses(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    if pair.metric != "loss" or a.spec["loss"] == b.spec["loss"]:
        return None
    return Remark(
        code="different_losses",
        sentence=f"Experiments {a.id} and {b.id} minimise different losses: their values mean different things.",
        remedy="Compare by a metric that does not depend on the loss: balanced_accuracy, or nll.",
    )


def too_few_seeds(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    count = len(pair.seeds)
    if count >= FEWEST_SEEDS:
        return None
    common = len(set(a.spec["seeds"]) & set(b.spec["seeds"]))
    which = "no seed has" if count == 0 else "only one seed has"
    return Remark(
        code="no_shared_seeds" if count == 0 else "single_shared_seed",
        sentence=f"{which.capitalize()} succeeded in both experiments {a.id} and {b.id}: "
        "what is luck cannot be told from what is not.",
        remedy=_how_to_get_seeds(a, b, enough=common >= FEWEST_SEEDS),
    )


def undefined_metric(pair: Pair) -> Remark | None:
    a, b = pair.a, pair.b
    without = [each.id for each in (a, b) if len(pair.values(each)) < len(pair.seeds)]
    if not without:
        return None
    return Remark(
        code="undefined_metric",
        sentence=f"Experiment {without[0]} has no {pair.metric}: its output layer gives no probabilities.",
        remedy="Compare by balanced_accuracy, accuracy, macro_f1 or mcc.",
    )


OBSTACLES: tuple[Callable[[Pair], Remark | None], ...] = (
    different_data,
    different_split,
    different_losses,
    too_few_seeds,
    undefined_metric,
)


def _rows(of: Contender) -> tuple[Any, Any]:
    """What chooses the validation rows: the split, and a thinning that comes before it."""
    imbalance = of.spec["dataset"].get("imbalance")
    before = imbalance if imbalance and imbalance["parts"] == "all" else None
    return of.spec["split"], before


def _how_to_get_seeds(a: Contender, b: Contender, *, enough: bool) -> str:
    if not enough:
        return 'Submit both with the same seeds, as in "seeds": [0, 1, 2, 3, 4].'
    active = [each.id for each in (a, b) if each.experiment.status in ACTIVE]
    if active:
        return f"Wait until {' and '.join(f'experiment {id_}' for id_ in active)} is over."
    return "Retry what failed: POST /experiments/{id}/retry."
