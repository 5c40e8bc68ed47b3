"""The columns of epochs: every figure of each epoch, and which epochs are left after one."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from tests.service.fake_worker import evaluation
from workers.epoch_columns import EpochColumns, with_nulls
from workers.evaluation.evaluation import Evaluation, evaluate_numbers
from workers.evaluation.metrics import BY_NAME
from workers.training import Epoch


def numbers() -> Evaluation:
    """The evaluation of a regression, with a bin without rows."""
    predictions, targets = np.array([1.0, 2.0]), np.array([1.5, 2.5])
    bins, losses = np.array([0, 2]), np.array([0.25, 0.25])
    return evaluate_numbers(predictions, targets, bins, count=3, losses=losses)[0]


PARTS = {
    "classes": (evaluation([[3, 1], [0, 300]]), evaluation([[1, 1], [2, 0]])),
    "no probabilities": tuple(evaluation([[3, 1], [0, 2]], distribution=False) for _ in range(2)),
    "numbers": (numbers(), numbers()),
}


def epochs(parts: tuple[Evaluation, ...], count: int) -> list[Epoch]:
    training, validation = parts
    first = Epoch(1, training, validation, np.array([4, 300]), None, 0.5, best_epoch=1, seconds=0.25)
    return [replace(first, number=1 + index, learning_rate=index or None) for index in range(count)]


@pytest.mark.parametrize("kind", PARTS)
def test_every_figure_arrives_as_it_was(kind: str) -> None:
    sent = epochs(PARTS[kind], 3)
    columns: EpochColumns = pickle.loads(pickle.dumps(EpochColumns.of(sent)))
    assert len(columns) == 3
    for name, of in (("numbers", "number"), ("best_epochs", "best_epoch"), ("seconds", "seconds")):
        assert getattr(columns, name).tolist() == [getattr(epoch, of) for epoch in sent]
    assert with_nulls(columns.learning_rates) == [None, 1.0, 2.0]
    assert columns.drawn.tolist() == [epoch.drawn.tolist() for epoch in sent]
    parts = [part for epoch in sent for part in (epoch.training, epoch.validation)]
    figures = columns.evaluations
    assert figures.rows.tolist() == [part.rows for part in parts]
    assert figures.confusions.tolist() == [part.confusion.tolist() for part in parts]
    for index, part in enumerate(parts):
        assert dict(zip(BY_NAME, with_nulls(figures.metrics[index]), strict=True)) == part.metrics
    assert figures.bins == (None if kind != "numbers" else [part.bins for part in parts])


@pytest.mark.parametrize("kind", PARTS)
def test_the_epochs_after_one(kind: str) -> None:
    columns = EpochColumns.of(epochs(PARTS[kind], 4))
    assert columns.after(0) is columns
    assert len(columns.after(4)) == 0
    left, other = columns.after(3), EpochColumns.of(epochs(PARTS[kind], 4)[3:])
    assert left.numbers.tolist() == [4]
    for name, values in vars(other).items():
        if isinstance(values, np.ndarray):
            np.testing.assert_array_equal(getattr(left, name), values)
    for name, values in vars(other.evaluations).items():
        np.testing.assert_array_equal(getattr(left.evaluations, name), values)


def test_an_epoch_of_ten_classes_takes_less_than_a_kilobyte() -> None:
    part = evaluation(np.diag(range(100, 110)).tolist())
    ended = epochs((part, part), 21)
    size = [len(pickle.dumps(EpochColumns.of(ended[:count]))) for count in (1, 21)]
    assert (size[1] - size[0]) / 20 < 1000
