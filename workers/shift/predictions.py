"""Two tests of what a model says about a batch: of its outputs, and of the classes that it predicts."""

import numpy as np

from workers.nn.arrays import Array, Integers
from workers.shift import chi_square, kolmogorov_smirnov
from workers.shift.detection import Detection, bonferroni


def compare_outputs(reference: Array, batch: Array) -> Detection:
    """Kolmogorov-Smirnov on each output (m, K) against (n, K), the p-values corrected for K (Bonferroni).

    Two probabilities sum to 1, so of two only one is tested.

    Source: Rabanser, Günnemann & Lipton 2019, Failing loudly: an empirical study of methods for detecting dataset
    shift. Oracle: scipy.stats.ks_2samp.
    """
    if reference.shape[1] == 2:
        reference, batch = reference[:, 1:], batch[:, 1:]
    m, (n, comparisons) = len(reference), batch.shape
    distances = kolmogorov_smirnov.distances(reference, batch)
    p_value = bonferroni(kolmogorov_smirnov.p_values(distances, m, n))
    smallest = kolmogorov_smirnov.smallest_distance(m, n, comparisons)
    return Detection("outputs", float(distances.max()), p_value, comparisons, m, n, smallest)


def compare_classes(
    reference: Integers, batch: Integers, classes: int, stream: np.random.Generator
) -> Detection:
    """Chi-square on the predicted classes (m,) against (n,); classes that nobody predicts are dropped."""
    before, after = (np.bincount(each, minlength=classes) for each in (reference, batch))
    statistic, p_value, cells = chi_square.homogeneity(before, after, stream)
    smallest = chi_square.smallest_share(before, len(batch), cells)
    return Detection("classes", statistic, p_value, 1, len(reference), len(batch), smallest)
