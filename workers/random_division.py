"""A linear baseline on a random split: the rows that a column has divided, divided by chance into the same sizes.

The column's validation part is of another time, group or place than the rows that trained. How much harder that makes
it shows the same kind of model on a random split: solved exactly and in seconds, so that it differs by nothing else.
"""

from collections.abc import Callable

import numpy as np

from workers.data.dataset import Dataset
from workers.evaluation.baselines import balanced_accuracy_interval
from workers.evaluation.confusion import confusion_matrix
from workers.evaluation.intervals import Interval
from workers.evaluation.random_split import RandomSplit
from workers.evaluation.regression_bootstrap import bootstrap_numbers
from workers.nn.arrays import Integers
from workers.nn.penalty_choice import stratified_rows
from workers.randomness import generator
from workers.spec import ExperimentSpec
from workers.training import Trainer


def compare_with_random_split(
    column_split: Trainer, training_part: Dataset, fit: Callable[[Dataset, Dataset], Trainer]
) -> RandomSplit | None:
    """The fitted model of a column's split beside another one of a random split.

    training_part: all rows that train. fit: trains a model of the same spec on one part, and measures it on another.
    None if no column divides the rows, if some that train were thinned out, if chance leaves a class untrained,
    or if a regression has a single row to be measured on.
    """
    spec, validation_part = column_split.spec, column_split.validation_part
    if not is_divided_by_column(spec):
        return None
    seed = spec.split.seed
    train, validation = divide_by_chance(training_part, validation_part, generator(seed, "random_division"))
    if not train.counts[validation.counts > 0].all():
        return None
    here, there = _figure(column_split), _figure(fit(train, validation))
    if here is None or there is None:
        return None
    metric, value, interval = here
    return RandomSplit(metric, value, interval, *there[1:])


def is_divided_by_column(spec: ExperimentSpec) -> bool:
    """Whether a column alone decides which of the open rows train, and all of them do."""
    imbalance = spec.dataset.imbalance
    thinned = imbalance is not None and imbalance.parts == "training"
    return getattr(spec.split, "by", None) is not None and not thinned


def divide_by_chance(
    training_part: Dataset, validation_part: Dataset, stream: np.random.Generator
) -> tuple[Dataset, Dataset]:
    """The rows of both parts, divided anew into parts of about these sizes, in which each class has its share."""
    labels = np.concatenate([training_part.labels, validation_part.labels])
    order = stream.permutation(len(labels))
    chosen = stratified_rows(labels[order], len(validation_part))
    is_chosen = np.zeros(len(labels), np.bool_)
    is_chosen[order[chosen]] = True
    train, validation = (
        _take(training_part, validation_part, np.flatnonzero(mask)) for mask in (~is_chosen, is_chosen)
    )
    return train, validation


def _take(first: Dataset, second: Dataset, rows: Integers) -> Dataset:
    """These rows of two parts of a data set, numbered as if the second followed the first."""
    of_first, of_second = rows[rows < len(first)], rows[rows >= len(first)] - len(first)
    parts = first.take(of_first), second.take(of_second)
    targets = [part.targets for part in parts if part.targets is not None]
    return Dataset(
        first.name,
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        first.classes,
        shape=first.shape,
        offset=first.offset,
        columns=first.columns,
        targets=np.concatenate(targets) if targets else None,
    )


def _figure(trained: Trainer) -> tuple[str, float, Interval] | None:
    """The balanced accuracy, or the RMSE, of a trained model on its validation part, over new rows.

    None of a regression with a single row.
    """
    part = trained.validation_part
    results = trained.row_results(np.arange(len(part)))
    assert results is not None  # noqa: S101
    if results.prediction is not None and part.targets is not None:
        found = bootstrap_numbers(
            *(results.prediction[None], part.targets, part.labels, np.random.default_rng(0)),
            count=len(part.classes),
        ).get("rmse")
        return None if found is None else ("rmse", found.value, found.interval)
    confusion = confusion_matrix(part.labels, results.predicted.astype(np.int64), len(part.classes))
    recalls = [confusion[k, k] / rows for k, rows in enumerate(confusion.sum(axis=1)) if rows]
    return "balanced_accuracy", float(np.mean(recalls)), balanced_accuracy_interval(confusion)
