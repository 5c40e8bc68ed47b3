"""Two-way bootstrap: intervals of metrics over new rows and new seeds at once.

The models of S seeds predicted the same N rows. Each draw weights the rows, and measures every model by its weighted
confusion matrix: `rows_and_seeds` makes an interval of these figures.

Rows get the weights of a Bayesian bootstrap (Rubin 1981) with Jeffreys' prior: half a row that every seed has right,
and half a row that every seed has wrong. So five rows of a class that are all right do not prove a recall of 1. For
the recall of one class the prior's rows are of that class: with one seed, its interval is Jeffreys' (Brown, Cai &
DasGupta 2001). For the other metrics the classes share them, or many small classes would pull every mean towards 1/2;
and classes with few rows are drawn too (`row_weights`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.confusion import Margins
from workers.evaluation.intervals import LEVEL, Interval
from workers.evaluation.metrics import BY_NAME, FROM_CONFUSION
from workers.evaluation.row_weights import class_weights, sums_by_class
from workers.evaluation.rows_and_seeds import DrawnFigure
from workers.nn.arrays import Integers

Floats = NDArray[np.float64]

RESAMPLES = 1000
BLOCK_CELLS = 4_000_000
"""Weights drawn at a time: bounds memory."""
ROUNDING = 1e-13
"""What is left, relative to all weight, where all rows are of one class or predicted as one."""
PRIOR = 0.5
"""Jeffreys' prior: this many rows of either kind."""


@dataclass(frozen=True, eq=False)
class WeightedMargins:
    """The margins of weighted confusion matrices, each (..., K).

    correct: weight of the rows of class k predicted as k; support: of the rows of class k; predicted: of those
    predicted as k. emphasis: the weights of the classes in a mean over classes, where classes are drawn.
    """

    correct: Floats
    support: Floats
    predicted: Floats
    emphasis: Floats | None = None

    def mean_over_classes(self, values: Floats) -> Floats:
        """Of values (..., K), over the classes that have rows; the values of the others are 0."""
        weights = self.support > 0
        if self.emphasis is None:
            return np.asarray(values.sum(-1) / weights.sum(-1))
        weighted = weights * self.emphasis
        return np.asarray((values * weighted).sum(-1) / weighted.sum(-1))


Metric = Callable[[WeightedMargins], Floats]
"""From margins (..., K) to values (...)."""


def accuracy(m: WeightedMargins) -> Floats:
    return np.asarray(m.correct.sum(-1) / m.support.sum(-1))


def recalls(m: WeightedMargins) -> Floats:
    """(..., K), 0 for a class without rows."""
    return np.asarray(np.divide(m.correct, m.support, out=np.zeros_like(m.correct), where=m.support > 0))


def balanced_accuracy(m: WeightedMargins) -> Floats:
    return m.mean_over_classes(recalls(m))


def macro_f1(m: WeightedMargins) -> Floats:
    both = m.support + m.predicted
    f1 = np.divide(2 * m.correct, both, out=np.zeros_like(both), where=m.support > 0)
    return m.mean_over_classes(f1)


def mcc(m: WeightedMargins) -> Floats:
    n = m.support.sum(-1)
    covariance = n * m.correct.sum(-1) - (m.support * m.predicted).sum(-1)
    spreads = [n**2 - (each**2).sum(-1) for each in (m.support, m.predicted)]
    root = np.sqrt(np.prod([np.where(each > ROUNDING * n**2, each, 0) for each in spreads], axis=0))
    return np.asarray(np.divide(covariance, root, out=np.zeros_like(root), where=root > 0))


def cohen_kappa(m: WeightedMargins) -> Floats:
    n = m.support.sum(-1)
    observed, chance = m.correct.sum(-1) / n, (m.support * m.predicted).sum(-1) / n**2
    return np.asarray(np.divide(observed - chance, 1 - chance, out=np.zeros_like(n), where=chance < 1))


def g_mean(m: WeightedMargins) -> Floats:
    present = m.support > 0
    with np.errstate(divide="ignore"):
        logs = np.log(recalls(m), where=present, out=np.zeros_like(m.correct))
    return np.asarray(np.exp(m.mean_over_classes(logs)))


VECTORISED: Mapping[str, Metric] = {
    each.__name__: each for each in (accuracy, balanced_accuracy, macro_f1, mcc, cohen_kappa, g_mean)
}
"""Faster twins of declared metrics."""


def matrix_by_matrix(formula: Callable[[Margins], float | None]) -> Metric:
    """A declared metric of one confusion matrix as one of many; NaN where it has no value."""

    def of_many(m: WeightedMargins) -> Floats:
        flat = [
            margin.reshape(-1, margin.shape[-1]).tolist() for margin in (m.correct, m.support, m.predicted)
        ]
        values = [formula(Margins(*each)) for each in zip(*flat, strict=True)]
        return np.array(values, np.float64).reshape(m.support.shape[:-1])

    return of_many


METRICS: Mapping[str, Metric] = {
    each.name: VECTORISED.get(each.name) or matrix_by_matrix(each.formula) for each in FROM_CONFUSION
}
"""Every metric that is declared as one of the confusion matrix."""


def value_range(name: str) -> tuple[float, float]:
    """Where the values of a metric, or of the recall of a class, lie."""
    metric = BY_NAME.get(name)
    return (metric.lowest, metric.highest) if metric else (0.0, 1.0)


@dataclass(frozen=True)
class Resampled:
    """What the resamples say of one figure. seeds: whether the interval is for new seeds too."""

    value: float
    interval: Interval
    seeds: bool


def two_way_bootstrap(
    predictions: Integers,
    labels: Integers,
    generator: np.random.Generator,
    *,
    classes: int,
    class_counts: Integers | None = None,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> dict[str, Resampled]:
    """The mean over seeds of each metric and of each class's recall (`recall_0`, ...), with intervals.

    predictions: (S, N), one row a seed. labels: (N,). class_counts: rows of each class (K,) in the sample that tells
    how frequent the classes are: with a stratified split the whole data set; by default these rows themselves.
    The interval is about these models and this choice of epoch on new rows, and with several seeds also about new
    seeds of the same training; not about another training set.
    """
    draws = _Draws(predictions, labels, classes, class_counts)
    drawn = draws.resample(generator, resamples)
    return {
        name: Resampled(
            drawn[name].value,
            drawn[name].interval(value_range(name), level),
            seeds=predictions.shape[0] > 1,
        )
        for name in draws.present(drawn)
    }


class _Draws:
    """Rows grouped by pattern: rows of one class that all models predict alike share their fate in every draw."""

    def __init__(
        self, predictions: Integers, labels: Integers, classes: int, class_counts: Integers | None
    ) -> None:
        self.seeds, self.rows = predictions.shape
        self.classes = classes
        table = np.concatenate([labels[None], predictions]).astype(np.int64)
        patterns, counts = _patterns(table, classes)
        self.labels, self.predictions = patterns[0], patterns[1:]
        self.counts = counts.astype(np.float64)
        self.support = np.bincount(labels, minlength=classes).astype(np.float64)
        self.is_stratified = class_counts is not None
        self.class_counts = self.support if class_counts is None else class_counts * (self.support > 0)

    def observed(self) -> dict[str, Floats]:
        """Each figure as observed, (seeds,)."""
        none = np.zeros((1, 2, self.classes))
        figures = self._figures(self._margins(self.counts[None]), none, none)
        return {name: values[0] for name, values in figures.items()}

    def present(self, drawn: Mapping[str, DrawnFigure]) -> Iterator[str]:
        """The figures that mean something: not the recall of a class without rows, nor a metric without values."""
        absent = {f"recall_{k}" for k in np.flatnonzero(self.support == 0)}
        return (name for name, figure in drawn.items() if name not in absent and figure.has_values)

    def resample(self, generator: np.random.Generator, resamples: int) -> dict[str, DrawnFigure]:
        """Each figure in draws of the rows."""
        block = max(1, BLOCK_CELLS // max(len(self.counts), self.classes * len(self.predictions)))
        drawn = {name: DrawnFigure(values) for name, values in self.observed().items()}
        for start in range(0, resamples, block):
            n = min(block, resamples - start)
            of_classes = class_weights(generator, self.support, n)
            weights, of_all, of_class = self._weights(generator, n, of_classes)
            margins = replace(self._margins(weights), emphasis=_over_models(of_classes))
            figures = self._figures(margins, of_all, of_class)
            for name, values in figures.items():
                drawn[name].add(values)
        return drawn

    def _weights(
        self, generator: np.random.Generator, n: int, of_classes: Floats | None
    ) -> tuple[Floats, Floats, Floats]:
        """Of the patterns (n, U), and of right and wrong rows that the two priors add to each class, (n, 2, K)."""
        weights = generator.standard_gamma(self.counts, size=(n, len(self.counts)))
        of_all = generator.standard_gamma(PRIOR / self.classes, size=(n, 2, self.classes)) * (
            self.support > 0
        )
        of_class = generator.standard_gamma(PRIOR, size=(n, 2, self.classes)) * (self.support > 0)
        totals = self._by_class(weights, self.labels) + of_all.sum(axis=1)
        frequencies = generator.standard_gamma(self.class_counts, size=totals.shape)
        if of_classes is not None and self.is_stratified:
            frequencies *= of_classes
        frequencies *= self.rows / frequencies.sum(axis=1, keepdims=True)
        scale = np.divide(frequencies, totals, out=np.zeros_like(totals), where=totals > 0)
        return weights * scale[:, self.labels], of_all * scale[:, None], of_class * scale[:, None]

    def _margins(self, weights: Floats) -> WeightedMargins:
        """Of every model: (R, S, K) from weights (R, U)."""
        shape = (len(weights), self.seeds, self.classes)
        correct, predicted = np.zeros(shape), np.zeros(shape)
        for model, predictions in enumerate(self.predictions):
            predicted[:, model] = self._by_class(weights, predictions)
            right = predictions == self.labels
            correct[:, model] = self._by_class(weights[:, right], predictions[right])
        support = np.broadcast_to(self._by_class(weights, self.labels)[:, None, :], shape)
        return WeightedMargins(correct, support, predicted)

    def _by_class(self, weights: Floats, class_of: Integers) -> Floats:
        """Sums (R, K) of weights (R, U) over the patterns of each class (U,)."""
        return sums_by_class(weights, class_of, self.classes)

    def _figures(self, margins: WeightedMargins, of_all: Floats, of_class: Floats) -> dict[str, Floats]:
        """Each figure of each model, (R, S)."""
        with_prior = _with_prior(margins, of_all)
        figures = {name: metric(with_prior) for name, metric in METRICS.items()}
        of_classes = recalls(_with_prior(margins, of_class))
        return figures | {f"recall_{k}": of_classes[..., k] for k in range(self.classes)}


def _with_prior(margins: WeightedMargins, prior: Floats) -> WeightedMargins:
    """With right and wrong rows (R, 2, K); a wrong one is predicted as every other class in equal shares."""
    right, wrong = prior[:, 0], prior[:, 1]
    elsewhere = (wrong.sum(axis=1, keepdims=True) - wrong) / max(wrong.shape[1] - 1, 1)
    return WeightedMargins(
        margins.correct + right[:, None],
        margins.support + (right + wrong)[:, None],
        margins.predicted + (right + elsewhere)[:, None],
        margins.emphasis,
    )


def _over_models(of_classes: Floats | None) -> Floats | None:
    """Weights of classes (R, K) for margins of models, (R, S, K)."""
    return None if of_classes is None else of_classes[:, None]


def _patterns(table: Integers, classes: int) -> tuple[Integers, Integers]:
    """The distinct columns of a table (T, N) of classes, and how often each occurs."""
    if classes ** len(table) >= 2**63:
        return np.unique(table, axis=1, return_counts=True)
    place = classes ** np.arange(len(table), dtype=np.int64)  # a column as one number sorts faster
    _, first, counts = np.unique(place @ table, return_index=True, return_counts=True)
    return table[:, first], counts
