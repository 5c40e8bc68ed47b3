"""One draw of a cross-validation, with its intervals by both methods: variance components, and corrected t.

Dividing, training, evaluation and intervals are the product's own code. The truth is what the intervals are for: the
mean figure, on the whole population, of models that are trained in this way on new data of this size. Every draw
trains such models, so it is the mean over the models of all draws. Each draw has seeds of its own, for they vary too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Literal

import numpy as np

from benchmarks.simulation.coverage import Covered
from benchmarks.simulation.populations import Design
from benchmarks.simulation.single_split import SPEC, Figures, figures, population
from workers.data.folds import FoldDivider
from workers.data.row_digests import row_digests
from workers.data.splits import CrossValidation
from workers.evaluation.evaluation import Evaluation
from workers.evaluation.fold_variance import RowVariances
from workers.evaluation.influence import influences
from workers.evaluation.intervals import Interval, corrected_t_interval
from workers.spec import ExperimentSpec
from workers.training import Trainer

FOLDS, REPEATS = 5, 2
SHARE = 1 / (FOLDS - 1)
"""Evaluation rows for each row that trains or validates."""
Method = Literal["variance components", "corrected t"]
FIRST_DRAW = 1000
"""The formulas were chosen on the draws before."""
LINEAR = ExperimentSpec.model_validate({"model": "linear", "scaling": "standard"})


@dataclass(frozen=True)
class Estimated:
    """A figure of one draw: its interval, and the mean of what the draw's models reach on the population."""

    design: str
    figure: str
    method: Method
    interval: Interval
    true: float


def draw_linear(design: Design, number: int) -> list[Estimated]:
    """The same for the linear model, in whose training chance plays no part."""
    return draw(design, number, LINEAR)


def draw(design: Design, number: int, spec: ExperimentSpec = SPEC) -> list[Estimated]:
    """Draw a data set, cross-validate a training on it, and estimate its figures."""
    number += FIRST_DRAW
    dataset = design.draw(design.training + design.validation, np.random.default_rng(number))
    split = CrossValidation(folds=FOLDS, repeats=REPEATS, test=0.0, seed=number)
    divider = FoldDivider(dataset.labels, row_digests(dataset), dataset.classes, split)
    variances = RowVariances(len(dataset), len(dataset.classes))
    on_fold, on_population = [], []
    for place, fold in enumerate(split.all_folds):
        rows = divider.rows(fold)
        seed = number * FOLDS * REPEATS + place
        trainer = Trainer(spec, dataset.take(rows.train), dataset.take(rows.validation), seed=seed)
        for _ in trainer.epochs():
            pass
        evaluation, results = trainer.evaluate_selected(dataset.take(rows.evaluation), rows.evaluation)
        variances.add(
            rows.evaluation, results.labels.astype(np.int64), [influences(results, len(dataset.classes))]
        )
        on_fold.append(figures(evaluation))
        on_population.append(figures(_on_population(trainer, design)))
    return list(_estimates(design, on_fold, on_population, variances))


def _estimates(
    design: Design, on_fold: list[Figures], on_population: list[Figures], variances: RowVariances
) -> Iterator[Estimated]:
    of_classes = {f"recall_{k}": variance for k, variance in enumerate(variances.of_classes())}
    of_figures = variances.of_metrics() | of_classes
    for name in on_fold[0]:
        values, true = [each[name] for each in on_fold], fmean(each[name] for each in on_population)
        corrected, variance = corrected_t_interval(values, evaluation_share=SHARE), of_figures.get(name)
        if corrected is None:
            raise ValueError("a cross-validation has two folds or more")
        yield Estimated(design.name, name, "corrected t", corrected[1], true)
        if variance is not None:
            components = variance.interval(values, evaluation_share=SHARE)
            yield Estimated(design.name, name, "variance components", components, true)


def coverage(found: Iterable[Estimated], method: Method) -> Iterator[Covered]:
    """Whether each interval of a method covers the truth."""

    def cell(each: Estimated) -> tuple[str, str]:
        return each.design, each.figure

    mine = (each for each in found if each.method == method)
    for _, draws in groupby(sorted(mine, key=cell), key=cell):
        of_cell = list(draws)
        true = fmean(each.true for each in of_cell)
        for each in of_cell:
            low, high = each.interval.low, each.interval.high
            yield Covered(each.design, each.figure, low <= true <= high, high - low)


def _on_population(trainer: Trainer, design: Design) -> Evaluation:
    """Of the selected epoch's model on the whole population."""
    whole = population(design)
    evaluation, _ = trainer.evaluate_selected(whole, np.arange(len(whole)))
    return evaluation
