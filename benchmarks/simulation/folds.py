"""One draw of a cross-validation, with its corrected t intervals.

Dividing, training, evaluation and intervals are the product's own code. The truth is what the intervals are for: the
mean figure, on the whole population, of models that are trained in this way on new data of this size. Every draw
trains such models, so it is the mean over the models of all draws.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from statistics import fmean

import numpy as np

from benchmarks.simulation.coverage import Covered
from benchmarks.simulation.populations import Design
from benchmarks.simulation.single_split import FIGURES, SPEC
from workers.data.dataset import Dataset
from workers.data.folds import FoldDivider
from workers.data.row_digests import row_digests
from workers.data.splits import CrossValidation
from workers.evaluation.evaluation import Evaluation
from workers.evaluation.intervals import Interval, corrected_t_interval
from workers.spec import ExperimentSpec
from workers.training import Trainer

FOLDS, REPEATS = 5, 2
LINEAR = ExperimentSpec.model_validate({"model": "linear", "scaling": "standard"})


@dataclass(frozen=True)
class Estimated:
    """A figure of one draw: its interval, and the mean of what the draw's models reach on the population."""

    design: str
    figure: str
    interval: Interval
    true: float


def draw_linear(design: Design, number: int) -> list[Estimated]:
    """The same for the linear model, in whose training chance plays no part."""
    return draw(design, number, LINEAR)


def draw(design: Design, number: int, spec: ExperimentSpec = SPEC) -> list[Estimated]:
    """Draw a data set, cross-validate a training on it, and estimate its figures."""
    dataset = design.draw(design.training + design.validation, np.random.default_rng(number))
    split = CrossValidation(folds=FOLDS, repeats=REPEATS, test=0.0, seed=number)
    divider = FoldDivider(dataset.labels, row_digests(dataset), dataset.classes, split)
    on_fold, on_population = [], []
    for seed, fold in enumerate(split.all_folds):
        rows = divider.rows(fold)
        trainer = Trainer(spec, dataset.take(rows.train), dataset.take(rows.validation), seed=seed)
        for _ in trainer.epochs():
            pass
        on_fold.append(_figures(trainer, dataset.take(rows.evaluation)))
        on_population.append(_figures(trainer, _population(design)))
    return [
        Estimated(
            design.name,
            name,
            _interval([each[name] for each in on_fold]),
            fmean(each[name] for each in on_population),
        )
        for name in FIGURES
    ]


def coverage(found: Iterable[Estimated]) -> Iterator[Covered]:
    """Whether each interval covers the truth."""

    def cell(each: Estimated) -> tuple[str, str]:
        return each.design, each.figure

    for _, draws in groupby(sorted(found, key=cell), key=cell):
        of_cell = list(draws)
        true = fmean(each.true for each in of_cell)
        for each in of_cell:
            low, high = each.interval.low, each.interval.high
            yield Covered(each.design, each.figure, low <= true <= high, high - low)


def _figures(trainer: Trainer, part: Dataset) -> dict[str, float]:
    """The figures of the selected epoch's network on a part."""
    evaluation, _ = trainer.evaluate_selected(part, np.arange(len(part)))
    return {name: _figure(evaluation, name) for name in FIGURES}


def _figure(evaluation: Evaluation, name: str) -> float:
    if not name.startswith("recall_"):
        return float(getattr(evaluation, name))
    return float(evaluation.per_class()["accuracy"][int(name.removeprefix("recall_"))])


def _interval(values: list[float]) -> Interval:
    found = corrected_t_interval(values, evaluation_share=1 / (FOLDS - 1))
    if found is None:
        raise ValueError("a cross-validation has two folds or more")
    return found[1]


@cache
def _population(design: Design) -> Dataset:
    return design.all_rows()
