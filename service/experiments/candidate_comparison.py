"""Compare all candidates of a sweep with the best: gathers what is stored of them, and has it compared."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from service.experiments.candidate_rows import CandidateRows
from service.experiments.computing import COMPUTING
from service.experiments.contenders import Contender
from service.experiments.row_differences import class_counts
from service.store.spec_facts import quantile_of
from workers.evaluation.candidates import (
    CandidatePredictions,
    ComparedCandidates,
    can_be_resampled,
    compare_on_rows,
    compare_over_folds,
)
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric


@dataclass(frozen=True, eq=False)
class Entrant:
    """A candidate with a value: the mean over its runs. rows: None if it has no row-level results."""

    contender: Contender
    value: float
    rows: CandidateRows | None


@dataclass(frozen=True, eq=False)
class CandidateComparison:
    """The entrants that can be compared with the best, and the comparison of them in this order."""

    entrants: Sequence[Entrant]
    found: ComparedCandidates


def compare_candidates(entrants: Sequence[Entrant], metric: SelectionMetric) -> CandidateComparison | None:
    """Compare entrants, the best first, with the best; None if nothing can be resampled."""
    best = entrants[0]
    if BY_NAME[metric].without_interval:
        return None
    if best.contender.of_folds:
        return _over_folds(entrants, metric)
    if best.rows is None or not can_be_resampled(metric):
        return None
    if best.rows.targets is not None and len(best.rows.targets) == 1:
        return None  # a single number does not tell how others vary
    same = [each for each in entrants if each.rows is not None and each.rows.rows == best.rows.rows]
    values = [
        [value for run in each.contender.figures if (value := each.contender.value(metric, run)) is not None]
        for each in same
    ]
    return CandidateComparison(same, COMPUTING.call(compare_on_rows, values, _predictions(same), metric))


def _over_folds(entrants: Sequence[Entrant], metric: SelectionMetric) -> CandidateComparison | None:
    means = {id(each): _fold_means(each.contender, metric) for each in entrants}
    folds = sorted(means[id(entrants[0])])
    if len(folds) < 2:
        return None
    same = [each for each in entrants if sorted(means[id(each)]) == folds and _same_rows(each, entrants[0])]
    values = np.array([[means[id(each)][fold] for fold in folds] for each in same])
    share = 1 / (entrants[0].contender.spec["split"]["folds"] - 1)
    predictions = _predictions(same) if all(each.rows is not None for each in same) else None
    return CandidateComparison(same, COMPUTING.call(compare_over_folds, values, share, predictions, metric))


def _same_rows(a: Entrant, b: Entrant) -> bool:
    return a.rows is None or b.rows is None or a.rows.rows == b.rows.rows


def _fold_means(of: Contender, metric: SelectionMetric) -> dict[tuple[int, int], float]:
    by_fold: dict[tuple[int, int], list[float]] = defaultdict(list)
    for run in of.figures:
        value = of.value(metric, run)
        if value is not None:
            by_fold[run.repeat, run.fold].append(value)
    return {fold: fmean(values) for fold, values in by_fold.items()}


def _predictions(same: Sequence[Entrant]) -> CandidatePredictions:
    """What entrants with the same rows have predicted."""
    first, rows = same[0].contender, [each.rows for each in same if each.rows is not None]
    return CandidatePredictions(
        predictions=[each.predictions for each in rows],
        labels=rows[0].labels,
        targets=rows[0].targets,
        classes=len(first.dataset["classes"]),
        class_counts=class_counts(first),
        stratify=bool(first.spec["split"]["stratify"]),
        quantiles=[quantile_of(each.contender.spec) for each in same],
    )
