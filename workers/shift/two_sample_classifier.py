"""The classifier two-sample test: whether a classifier tells rows of a batch from validation rows."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.shift.detection import ALPHA, Z_POWER, Detection, Floats, smallest_on_grid
from workers.shift.kernel_sample import KernelSample, permutation_p_value

PERMUTATIONS = 999
FOLDS = 5
RIDGE = 1.0
SHARES = np.linspace(0.005, 1, 200)


def compare_by_classifier(sample: KernelSample, stream: np.random.Generator) -> Detection:
    """The AUROC of a kernel ridge classifier, batch against validation, on rows that it was not fitted to.

    Each of 5 folds has its share of both. A row's score is linear in the memberships of the rows of the other folds,
    so a permutation within the folds costs a product and no new fit; p = (1 + #) / (R + 1). A score of .5 means that
    it tells nothing.

    Source: Lopez-Paz & Oquab 2017, Revisiting classifier two-sample tests.
    """
    m, n = sample.m, sample.n
    if min(m, n) < FOLDS:
        return Detection("classifier", 0.5, 1.0, 1, m, n, None)
    folds = _folds(m, n, stream)
    is_batch = _permuted(m, n, folds, stream)
    scores = smoother(sample.kernel, folds) @ (is_batch - is_batch.mean(axis=0))
    areas = aurocs(scores, is_batch)
    return Detection("classifier", float(areas[0]), permutation_p_value(areas), 1, m, n, _share(areas[1:], n))


def aurocs(scores: Array, is_batch: Array) -> Floats:
    """The area under the ROC curve (R,) of each column of scores (N, R), for the memberships (N, R) of 0 and 1.

    Oracle: sklearn.metrics.roc_auc_score.
    """
    n = is_batch[:, 0].sum(dtype=np.float64)
    m = len(is_batch) - n
    order = np.argsort(scores, axis=0, kind="stable")
    ranks = np.take_along_axis(is_batch, order, axis=0).T @ np.arange(1, len(is_batch) + 1, dtype=np.float64)
    areas: Floats = (ranks - n * (n + 1) / 2) / (m * n)
    return areas


def _folds(m: int, n: int, stream: np.random.Generator) -> Integers:
    """The fold (m + n,) of each row: each has the same share of both samples, but for a remainder."""
    return np.concatenate([stream.permutation(np.arange(size) % FOLDS) for size in (m, n)])


def _permuted(m: int, n: int, folds: Integers, stream: np.random.Generator) -> Array:
    """The memberships (m + n, R + 1): as they are, then permuted within each fold."""
    is_batch = np.repeat((np.arange(m + n) >= m).astype(np.float32)[None], PERMUTATIONS + 1, axis=0)
    for fold in range(FOLDS):
        places = np.flatnonzero(folds == fold)
        is_batch[1:, places] = stream.permuted(is_batch[1:, places], axis=1)
    return is_batch.T


def smoother(kernel: Array, folds: Integers) -> Array:
    """The matrix (N, N) from memberships to scores: rows of a fold are scored by kernel ridge on the others.

    With G = (kernel + ridge I)^-1, what a fold F misses by is (G_FF)^-1 (G y)_F, so one inverse serves all folds.
    """
    from scipy.linalg.lapack import spotrf, spotri

    penalised = kernel + np.float32(RIDGE) * np.eye(len(kernel), dtype=np.float32)
    factor, _ = spotrf(penalised, lower=0, overwrite_a=1)
    upper, _ = spotri(factor, lower=0, overwrite_c=1)
    inverse: Array = np.triu(upper) + np.triu(upper, 1).T
    for fold in range(FOLDS):
        places = np.flatnonzero(folds == fold)
        residuals = np.linalg.solve(inverse[np.ix_(places, places)], inverse[places])
        inverse[places] = -residuals
        inverse[places, places] += 1
    return inverse


def _share(permuted: Floats, n: int) -> float | None:
    """The share s of a batch that, if the classifier recognised it and nothing else, is found in 80 %: .5 + s / 2."""
    critical, variance = float(np.quantile(permuted, 1 - ALPHA)), float(permuted.var())
    spread = np.sqrt(variance + SHARES * (1 - SHARES) / (4 * n))
    return smallest_on_grid(0.5 + SHARES / 2 - Z_POWER * spread >= critical, SHARES)
