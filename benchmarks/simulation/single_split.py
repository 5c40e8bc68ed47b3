"""One draw of an experiment on a single split, and whether the intervals of its summary cover the truth.

Splitting, training and intervals are the product's own code. The truth is the mean over many seeds of what their
models reach on the whole population, with the same training rows, and of one seed what its model reaches: what the
summary says that the intervals are for.
Every draw has seeds of its own: what seeds have in common is no chance of a draw.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.simulation.coverage import Covered
from benchmarks.simulation.populations import Design
from service.experiments.intervals import bootstrapped
from workers.data.dataset import Dataset
from workers.data.row_digests import row_digests
from workers.data.split_rows import split_rows
from workers.data.splits import RatioSplit
from workers.evaluation.evaluation import Evaluation, evaluate_with_rows
from workers.evaluation.row_results import RowResults
from workers.nn.arrays import Integers
from workers.spec import ExperimentSpec
from workers.training import Trainer

SEEDS = (1, 2, 3, 5)
"""How many seeds an experiment has: the first of those that are trained."""
TRAINED = 10
"""The others are for the truth alone."""
FIRST_DRAW = 1000
"""The formula was chosen on draws before."""
SPEC = ExperimentSpec.model_validate(
    {"model": {"hidden": [16]}, "training": {"epochs": 10, "batch_size": 32}, "scaling": "standard"}
)
EPOCHS = ("last", "selected")
OF_CONFUSION = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "mcc",
    "cohen_kappa",
    "g_mean",
    "recall_0",
    "recall_1",
)
OF_SCORES = ("auroc", "average_precision", "top_3_accuracy", "nll", "brier", "ece")
FIGURES = OF_CONFUSION + OF_SCORES
Figures = dict[str, float]
"""The figures of one model that have a value."""


@dataclass(frozen=True)
class AtEpoch:
    """Whether an interval covers, at the `last` epoch or at the one `selected` on the rows that measure it."""

    seeds: int
    epoch: str
    covered: Covered


@dataclass(frozen=True, eq=False)
class Measured:
    """The model of one seed: its results for the validation rows, and its figures on the population."""

    results: RowResults
    truth: Figures


def draw(design: Design, number: int) -> list[AtEpoch]:
    """Draw a data set, train experiments on it, and compare their intervals with the truth."""
    number += FIRST_DRAW
    dataset = design.draw(design.training + design.validation, np.random.default_rng(number))
    share = design.training / len(dataset)
    split = RatioSplit(train=share, validation=1 - share, test=0.0, seed=number)
    rows = split_rows(dataset.labels, row_digests(dataset), dataset.classes, split)
    parts = dataset.take(rows.train), dataset.take(rows.validation)
    seeds = range(number * TRAINED, (number + 1) * TRAINED)
    runs = [_train(*parts, population(design), rows.validation, seed) for seed in seeds]
    experiment = _experiment(split, *parts)
    return [
        AtEpoch(count, epoch, covered)
        for count, epoch in product(SEEDS, EPOCHS)
        for covered in _covered(design, experiment, [run[epoch] for run in runs], count)
    ]


def figures(evaluation: Evaluation) -> Figures:
    """Those of an evaluation that have a value."""
    recalls = enumerate(evaluation.per_class()["accuracy"])
    values = evaluation.metrics | {f"recall_{k}": recall for k, recall in recalls}
    return {name: float(values[name]) for name in FIGURES if values[name] is not None}


@cache
def population(design: Design) -> Dataset:
    """The rows on which true figures are measured."""
    return design.all_rows()


def _covered(design: Design, experiment: Any, runs: list[Measured], seeds: int) -> Iterator[Covered]:
    intervals = bootstrapped(experiment, [run.results for run in runs[:seeds]])
    of_classes = {f"recall_{k}": ends for k, ends in enumerate(intervals.classes)}
    for name, ends in (dict(intervals.metrics) | of_classes).items():
        if name in FIGURES and ends is not None:
            true = truth([run.truth[name] for run in runs], seeds)
            low, high = ends
            yield Covered(design.name, name, low <= true <= high, high - low)


def truth(of_models: list[float], seeds: int) -> float:
    """The true figure of an experiment of the first seeds, from what each model reaches on the population.

    Of one seed it is that of its model. Of several it lies between their mean and that of the others, sqrt(1 - S / n)
    of the way. Then the seeds deviate from it by the variance that they have around the mean of all seeds, s^2 / S:
    more from the mean of the others, which is of few seeds itself, and less from the mean of all.
    """
    mean, others = fmean(of_models[:seeds]), fmean(of_models[seeds:])
    if seeds == 1:
        return mean
    return mean + math.sqrt(1 - seeds / len(of_models)) * (others - mean)


def _experiment(split: RatioSplit, training: Dataset, validation: Dataset) -> Any:
    """What the intervals need to know of an experiment."""
    counts = {"train": training.counts.tolist(), "validation": validation.counts.tolist()}
    return SimpleNamespace(
        spec={"split": {"stratify": split.stratify}, "loss": {"name": "cross_entropy"}},
        plan={"dataset": {"classes": training.classes}, "split_counts": counts},
    )


def _train(
    training: Dataset, validation: Dataset, whole: Dataset, rows: Integers, seed: int
) -> dict[str, Measured]:
    """Train one seed, and measure it at its last and at its selected epoch. rows: those of the validation part."""
    trainer = Trainer(SPEC, training, validation, seed=seed)
    for _ in trainer.epochs():
        pass
    last, on_population = _last_epoch(trainer, validation, rows), _last_epoch(trainer, whole, None)
    found = {"last": Measured(last[1], figures(on_population[0]))}
    _, results = trainer.evaluate_selected(validation, rows)
    evaluation, _ = trainer.evaluate_selected(whole, np.arange(len(whole)))
    return found | {"selected": Measured(results, figures(evaluation))}


def _last_epoch(trainer: Trainer, part: Dataset, rows: Integers | None) -> tuple[Evaluation, RowResults]:
    """The network as the last epoch left it, on a part. rows: by default numbered from 0."""
    logits = trainer.network.logits(part.features, trainer.scaler.into)
    evaluation, predictions = evaluate_with_rows(logits, part.labels, distribution=True)
    indices = np.arange(len(part)) if rows is None else rows
    return evaluation, RowResults.of(predictions(), indices, part.labels, len(part.classes))
