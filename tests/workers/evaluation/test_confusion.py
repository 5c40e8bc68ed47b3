import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.evaluation.confusion import (
    Margins,
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    macro_f1,
    mcc,
    per_class,
)

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
ignore_absent_classes = pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
ignore_single_label = pytest.mark.filterwarnings("ignore:A single label was found")

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


@ignore_absent_classes
@ignore_single_label
@given(classifications())
def test_the_summary_metrics_are_scikit_learns(given_: Classification) -> None:
    labels, predictions, classes = given_
    confusion = confusion_matrix(labels, predictions, classes)
    present = np.unique(labels)
    f1 = sklearn_metrics.f1_score(labels, predictions, labels=present, average="macro")
    assert accuracy(Margins.of(confusion)) == pytest.approx(
        sklearn_metrics.accuracy_score(labels, predictions)
    )
    assert balanced_accuracy(Margins.of(confusion)) == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(labels, predictions)
    )
    assert macro_f1(Margins.of(confusion)) == pytest.approx(f1)
    assert mcc(Margins.of(confusion)) == pytest.approx(sklearn_metrics.matthews_corrcoef(labels, predictions))


@given(classifications())
def test_the_figures_per_class_are_scikit_learns_with_null_where_nothing_was_measured(
    given_: Classification,
) -> None:
    labels, predictions, classes = given_
    figures = per_class(confusion_matrix(labels, predictions, classes))
    oracle = sklearn_metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(classes), zero_division=np.nan
    )
    precision, recall, f1, support = (column.tolist() for column in oracle)
    assert [figure.index for figure in figures] == list(range(classes))
    assert [figure.support for figure in figures] == support
    for k, figure in enumerate(figures):
        assert (figure.accuracy is None) == (figure.f1 is None) == (support[k] == 0)
        assert (figure.precision is None) == (k not in predictions)
        if figure.accuracy is not None:
            assert figure.accuracy == pytest.approx(recall[k])
            assert figure.f1 == pytest.approx(f1[k])
            assert figure.correct == round(recall[k] * support[k])
        if figure.precision is not None:
            assert figure.precision == pytest.approx(precision[k])


def test_a_constant_classifier_on_ninety_to_ten_looks_good_by_accuracy_alone() -> None:
    confusion = confusion_matrix(np.repeat([0, 1], [90, 10]), np.zeros(100, np.int64), 2)
    assert accuracy(Margins.of(confusion)) == 0.9
    assert balanced_accuracy(Margins.of(confusion)) == 0.5
    assert mcc(Margins.of(confusion)) == 0
    assert [figure.accuracy for figure in per_class(confusion)] == [1, 0]


def test_an_absent_class_is_null_and_a_class_never_hit_is_zero() -> None:
    absent, hit, missed = per_class(np.array([[0, 0, 0], [1, 3, 0], [0, 2, 0]]))
    assert (absent.accuracy, absent.precision, absent.f1) == (None, 0, None)
    assert (hit.accuracy, hit.precision) == (0.75, 0.6)
    assert (missed.accuracy, missed.precision, missed.f1) == (0, None, 0)


def test_mcc_is_exact_where_64_bit_integers_would_overflow() -> None:
    confusion = np.array([[3_000_000, 40_000], [10_000, 2_000_000]])
    oracle = sklearn_metrics.matthews_corrcoef(
        [0, 0, 1, 1], [0, 1, 0, 1], sample_weight=confusion.ravel().astype(float)
    )
    assert mcc(Margins.of(confusion)) == pytest.approx(oracle, rel=1e-12)
