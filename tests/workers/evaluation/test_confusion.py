import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.evaluation.confusion import ClassCounts, Margins, confusion_matrix

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")

Classification = tuple[NDArray[np.int64], NDArray[np.int64], int]
"""labels (N,), predictions (N,), number of classes."""


@st.composite
def classifications(draw: st.DrawFn) -> Classification:
    """1 to 60 rows of 2 to 6 classes: small, so that absent and never predicted classes are common."""
    classes = draw(st.integers(2, 6))
    rows = draw(st.lists(st.tuples(*[st.integers(0, classes - 1)] * 2), min_size=1, max_size=60))
    labels, predictions = np.array(rows, dtype=np.int64).T
    return labels, predictions, classes


@given(classifications())
def test_the_matrix_is_scikit_learns_and_counts_every_row_once(given_: Classification) -> None:
    labels, predictions, classes = given_
    confusion = confusion_matrix(labels, predictions, classes)
    expected = sklearn_metrics.confusion_matrix(labels, predictions, labels=range(classes))
    np.testing.assert_array_equal(confusion, expected)
    assert confusion.dtype == np.int64
    assert confusion.sum() == len(labels)
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(labels, minlength=classes))


@given(classifications())
def test_the_counts_of_a_class_are_its_row_and_its_column_and_where_they_cross(
    given_: Classification,
) -> None:
    labels, predictions, classes = given_
    counts = ClassCounts.of(confusion_matrix(labels, predictions, classes))
    for k in range(classes):
        assert counts.correct[k] == np.count_nonzero((labels == k) & (predictions == k))
        assert counts.support[k] == np.count_nonzero(labels == k)
        assert counts.predicted[k] == np.count_nonzero(predictions == k)


def test_margins_are_pythons_integers() -> None:
    margins = Margins.of(np.array([[3, 1], [0, 2]]))
    assert margins == Margins(correct=[3, 2], support=[4, 2], predicted=[3, 3])
    assert {type(count) for counts in vars(margins).values() for count in counts} == {int}
