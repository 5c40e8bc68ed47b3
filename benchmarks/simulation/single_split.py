"""One draw of an experiment on a single split, and whether its two-way bootstrap intervals cover the truth.

Splitting, training and intervals are the product's own code. The truth is the mean over many seeds of what their
models reach on the whole population, with the same training rows: what the summary says that the intervals are for.
"""

from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np

from benchmarks.simulation.coverage import Covered
from benchmarks.simulation.populations import Design
from workers.data.dataset import Dataset
from workers.data.row_digests import row_digests
from workers.data.split_rows import split_rows
from workers.data.splits import RatioSplit
from workers.evaluation.bootstrap import two_way_bootstrap
from workers.evaluation.confusion import Margins, confusion_matrix
from workers.evaluation.metrics import FROM_CONFUSION
from workers.nn.arrays import Integers
from workers.randomness import generator
from workers.spec import ExperimentSpec
from workers.training import Trainer

SEEDS = 5
MORE_SEEDS = 5
"""Further seeds that are trained for the truth alone."""
SPEC = ExperimentSpec.model_validate(
    {"model": {"hidden": [16]}, "training": {"epochs": 10, "batch_size": 32}, "scaling": "standard"}
)
EPOCHS = ("last", "selected")
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "recall_0", "recall_1")


@dataclass(frozen=True)
class AtEpoch:
    """Whether an interval covers, at the `last` epoch or at the one `selected` on the rows that measure it."""

    epoch: str
    covered: Covered


@dataclass(frozen=True, eq=False)
class Measured:
    """The model of one seed: its predictions (n,) for the validation rows, and its figures on the population."""

    predictions: Integers
    truth: dict[str, float]


def draw(design: Design, number: int) -> list[AtEpoch]:
    """Draw a data set, train an experiment on it, and compare its intervals with the truth."""
    dataset = design.draw(design.training + design.validation, np.random.default_rng(number))
    share = design.training / len(dataset)
    split = RatioSplit(train=share, validation=1 - share, test=0.0, seed=number)
    rows = split_rows(dataset.labels, row_digests(dataset), dataset.classes, split)
    parts = dataset.take(rows.train), dataset.take(rows.validation)
    runs = [_train(*parts, _population(design), seed) for seed in range(SEEDS + MORE_SEEDS)]
    found = []
    for epoch in EPOCHS:
        intervals = two_way_bootstrap(
            np.stack([run[epoch].predictions for run in runs[:SEEDS]]),
            parts[1].labels,
            generator(0, "intervals"),
            classes=len(dataset.classes),
            class_counts=dataset.counts,
        )
        for name in FIGURES:
            true = fmean(run[epoch].truth[name] for run in runs)
            interval = intervals[name].interval
            covered = interval.low <= true <= interval.high
            width = interval.high - interval.low
            found.append(AtEpoch(epoch, Covered(design.name, name, covered, width)))
    return found


def _train(training: Dataset, validation: Dataset, population: Dataset, seed: int) -> dict[str, Measured]:
    """Train one seed, and measure it at its last and at its selected epoch."""
    trainer = Trainer(SPEC, training, validation, seed=seed)
    for _ in trainer.epochs():
        pass
    measured = {"last": _measure(trainer, validation, population)}
    if trainer.best_weights is not None:
        arrays = dict(trainer.best_weights.arrays)
        trainer.network.load(arrays.pop("parameters"), arrays)
    return measured | {"selected": _measure(trainer, validation, population)}


def _measure(trainer: Trainer, validation: Dataset, population: Dataset) -> Measured:
    predictions, of_population = (
        trainer.network.logits(part.features, trainer.scaler.into).argmax(axis=1)
        for part in (validation, population)
    )
    matrix = confusion_matrix(population.labels, of_population, len(population.classes))
    margins = Margins.of(matrix)
    truth = {metric.name: metric(margins) for metric in FROM_CONFUSION if metric.name in FIGURES}
    truth |= {f"recall_{k}": matrix[k, k] / matrix[k].sum() for k in (0, 1)}
    return Measured(predictions, truth)


@cache
def _population(design: Design) -> Dataset:
    return design.all_rows()
