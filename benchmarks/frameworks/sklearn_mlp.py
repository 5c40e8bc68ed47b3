"""scikit-learn's MLPClassifier: whole epochs of `fit`, as its users call it; rows are scaled beforehand."""

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.frameworks import Steps
from benchmarks.workload import BATCHES, LEARNING_RATE, Workload


def build_steps(work: Workload) -> Steps:
    order = work.data.order
    x, y = work.data.scaled[order], work.data.labels[order]

    def steps(count: int) -> list[float]:
        epochs = -(-count // BATCHES)
        classifier = _Classifier(
            work.widths[1:-1],
            alpha=0.0,
            batch_size=work.batch,
            learning_rate_init=LEARNING_RATE,
            max_iter=epochs,
            shuffle=False,
            tol=0.0,
            n_iter_no_change=epochs + 1,
        )
        classifier.initial = work.weights()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(x, y)
        return [classifier.loss_curve_[0]] * (epochs * BATCHES)

    return steps


class _Classifier(MLPClassifier):  # type: ignore[misc]
    initial: list[Any]

    def _init_coef(self, *_: Any) -> Any:
        return self.initial.pop(0)
