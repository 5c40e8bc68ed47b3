import numpy as np
import pytest

from workers.evaluation.confusion import Margins, confusion_matrix
from workers.evaluation.metrics.from_confusion import accuracy, balanced_accuracy, mcc

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")


def test_a_constant_classifier_on_ninety_to_ten_looks_good_by_accuracy_alone() -> None:
    margins = Margins.of(confusion_matrix(np.repeat([0, 1], [90, 10]), np.zeros(100, np.int64), 2))
    assert (accuracy(margins), balanced_accuracy(margins), mcc(margins)) == (0.9, 0.5, 0)


def test_mcc_is_exact_where_64_bit_integers_would_overflow() -> None:
    confusion = np.array([[3_000_000, 40_000], [10_000, 2_000_000]])
    oracle = sklearn_metrics.matthews_corrcoef(
        [0, 0, 1, 1], [0, 1, 0, 1], sample_weight=confusion.ravel().astype(float)
    )
    assert mcc(Margins.of(confusion)) == pytest.approx(oracle, rel=1e-12)
