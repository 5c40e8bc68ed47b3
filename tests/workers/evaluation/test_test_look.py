import numpy as np
import pytest

from workers.evaluation.test_look import look


def test_a_look_is_at_the_mean_of_the_models() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 50)
    predictions = [np.where(generator.random(50) < 0.7, labels, 0) for _ in range(4)]
    looked = look(predictions, labels, classes=4)
    recalls = [metrics.recall_score(labels, each, average=None, labels=[0, 1, 2]) for each in predictions]
    support = np.array(looked.support[:3])
    np.testing.assert_allclose(np.array(looked.correct[:3]) / (4 * support), np.mean(recalls, axis=0))
    assert (looked.support[3], looked.correct[3], looked.seeds) == (0, 0, 4)
    errors = [1 - metrics.accuracy_score(labels, each) for each in predictions]
    assert looked.losses.mean() == pytest.approx(np.mean(errors))
    assert set(np.unique(looked.losses)) <= {0, 0.25, 0.5, 0.75, 1}
