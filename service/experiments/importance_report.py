"""Turn measured importances into the response: columns sorted, correlated ones named, and a sentence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.model_cache import LoadedModel
from service.schemas.importance import ColumnImportance, CorrelatedColumns, Importance, MeasuredRun
from service.store.spec_facts import measured_part
from workers.data.feature_groups import FeatureGroup
from workers.evaluation.associations import Association
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.titles import in_words
from workers.importance import Importances

MOST_PAIRS = 100
NAMED = 3


@dataclass(frozen=True, eq=False)
class MeasuredImportance:
    """What a report is made of. runs: the models that were measured, by fold; rows: how many rows each was given."""

    experiment: Row[Any]
    runs: Sequence[LoadedModel]
    rows: Sequence[int]
    available_rows: int
    available_runs: int
    repeats: int
    metric: str
    groups: Sequence[FeatureGroup]
    found: Importances
    associations: Sequence[Association]


def report(measured: MeasuredImportance) -> Importance:
    """The response, its columns by importance, those without a value last."""
    found, metric = measured.found, BY_NAME[measured.metric]
    order = np.argsort(np.where(np.isnan(found.mean), np.inf, -found.mean), kind="stable")
    items = [_item(measured, index) for index in order.tolist()]
    names = [group.name for group in measured.groups]
    return Importance(
        experiment_id=measured.experiment.id,
        metric=metric.name,
        direction=metric.direction,
        split=measured_part(measured.experiment.spec),
        available_rows=measured.available_rows,
        repeats=measured.repeats,
        runs=[
            MeasuredRun(**run.key._asdict(), epoch=run.epoch, rows=rows, score=_number(score))
            for run, rows, score in zip(measured.runs, measured.rows, found.scores, strict=True)
        ],
        available_runs=measured.available_runs,
        items=items,
        correlated=[
            CorrelatedColumns(first=names[pair.first], second=names[pair.second], correlation=pair.strength)
            for pair in measured.associations[:MOST_PAIRS]
        ],
        sentence=_sentence(items, metric.name, bool(measured.associations)),
    )


def _item(measured: MeasuredImportance, index: int) -> ColumnImportance:
    found, group = measured.found, measured.groups[index]
    pair = next((each for each in measured.associations if index in (each.first, each.second)), None)
    other = None if pair is None else pair.first + pair.second - index
    return ColumnImportance(
        column=group.name,
        kind=group.kind,
        importance=_number(found.mean[index]),
        low=_number(found.low[index]),
        high=_number(found.high[index]),
        run_sd=_number(found.run_sd[index]),
        repeat_sd=_number(found.repeat_sd[index]),
        correlated_with=None if other is None else measured.groups[other].name,
        correlation=None if pair is None else pair.strength,
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _sentence(items: Sequence[ColumnImportance], metric: str, share: bool) -> str:
    """Which columns the models need by their intervals, and what this says nothing of."""
    needed = [item.column for item in items if item.low is not None and item.low > 0]
    if not needed:
        said = f"By the intervals, no column alone is needed for {in_words(metric)}."
    else:
        named = ", ".join(f"'{name}'" for name in needed[:NAMED])
        others = f" and {len(needed) - NAMED:,} more" if len(needed) > NAMED else ""
        said = f"By the intervals, {in_words(metric)} needs {named}{others}."
    if share:
        said += " Correlated columns share: each may seem unimportant because the models read the other."
    return said
