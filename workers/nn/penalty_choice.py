"""Chooses the penalty of a softmax regression on rows held back from its training rows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workers.nn.arrays import Integers
from workers.nn.output_layers import log_softmax
from workers.nn.softmax_regression import SoftmaxSolver
from workers.nn.standardised_rows import Floats, Reader, StandardisedRows

PENALTIES = (1e-2, 1e-3, 1e-4)
"""The l2 that are tried, the strongest first."""
TOLERANCE = 1e-5
"""Near enough to the solution for a comparison of penalties: with 1e-4, a weak one can still seem to be worse."""
ROWS = 10_000
"""Rows that the penalty is chosen on, at most; fewer if there are many features."""
CELLS = 8_000_000
"""Features times rows, at most: bounds memory and time."""


def choose_penalty(
    features: Floats,
    labels: Integers,
    *,
    classes: int,
    weights: Floats | None = None,
    between: Callable[[], None] = lambda: None,
) -> float:
    """The l2 of PENALTIES with the smallest NLL on a fifth of the rows (of each class), fitted to the others.

    It tries them from the strongest on, until a weaker one does no better. Both NLL and fit weight the rows (n,).
    `between` is called before each pass over the rows. It may raise.
    Oracle: sklearn.linear_model.LogisticRegression and sklearn.metrics.log_loss, on the same fifth.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    by_class = np.argsort(labels, kind="stable")
    held_back, rest = by_class[2::5], np.delete(by_class, np.s_[2::5])
    if not weights[held_back].any() or not weights[rest].any():
        return PENALTIES[0]
    fitted = StandardisedRows(
        array_reader(features[rest]),
        labels[rest],
        features=features.shape[1],
        classes=classes,
        weights=weights[rest],
    )
    chosen, smallest = PENALTIES[0], np.inf
    for l2 in PENALTIES:
        solver = SoftmaxSolver(fitted, l2, between=between)
        solver.descend(TOLERANCE)
        weight, bias = solver.objective.weights(solver.flat)
        log_p = log_softmax(features[held_back] @ weight + bias)
        of_true = log_p[np.arange(len(held_back)), labels[held_back]]
        loss = -float(weights[held_back] @ of_true)
        if loss >= smallest:
            break
        chosen, smallest = l2, loss
    return chosen


def array_reader(features: Floats) -> Reader:
    """Reads the rows of an array (n, d)."""
    return lambda rows: features[rows].astype(np.float64)


def representative_rows(labels: Integers, features: int) -> NDArray[np.intp]:
    """The rows that the penalty is chosen on, given all `labels` (n,) and the number of features."""
    return stratified_rows(labels, max(1, min(ROWS, CELLS // features)))


def stratified_rows(labels: Integers, limit: int) -> NDArray[np.intp]:
    """About `limit` rows, ascending: evenly spaced among the rows ordered by class.

    Each class keeps its share, and its first row in any case.
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    by_class = np.argsort(labels, kind="stable")
    evenly_spaced = np.linspace(0, len(labels) - 1, limit).astype(np.intp)
    _, first_of_class = np.unique(labels, return_index=True)
    return np.union1d(by_class[evenly_spaced], first_of_class)
