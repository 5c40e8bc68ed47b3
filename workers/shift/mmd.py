"""The test of the maximum mean discrepancy: whether two samples have the same mean in the space of a kernel."""

import numpy as np

from workers.nn.arrays import Array
from workers.shift.detection import ALPHA, Z_POWER, Detection, Floats, smallest_on_grid
from workers.shift.kernel_sample import KernelSample, permutation_p_value

PERMUTATIONS = 999
SHARES = np.linspace(0.005, 1, 200)


def compare_means(sample: KernelSample, stream: np.random.Generator) -> Detection:
    """MMD^2, unbiased, with a Gaussian kernel of the median distance; p = (1 + #) / (R + 1) over R permutations.

    Source: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, A kernel two-sample test.
    """
    squares = squared_mmd(sample, sample.memberships(PERMUTATIONS, stream).astype(np.float32))
    p_value = permutation_p_value(squares)
    return Detection(
        "mmd", float(squares[0]), p_value, 1, sample.m, sample.n, _smallest_share(sample, squares[1:])
    )


def squared_mmd(sample: KernelSample, is_batch: Array) -> Floats:
    """The unbiased MMD^2 (R,) for each assignment of the rows to the batch, (m + n, R) of 0 and 1."""
    m, n = sample.m, sample.n
    kernel = sample.kernel - np.eye(m + n, dtype=sample.kernel.dtype)  # a row is not compared with itself
    row_sums = kernel.sum(axis=1, dtype=np.float64)
    within_batch = np.einsum("ij,ij->j", is_batch, kernel @ is_batch, dtype=np.float64)
    between = row_sums @ is_batch - within_batch
    within_reference = row_sums.sum() - 2 * between - within_batch
    pairs = [max(1, each * (each - 1)) for each in (m, n)]
    squares: Floats = within_reference / pairs[0] + within_batch / pairs[1] - 2 * between / (m * n)
    return squares


def _smallest_share(sample: KernelSample, permuted: Floats) -> float | None:
    """The share s of a batch that, if it came from so far that the kernel is 0 there, is found in 80 %.

    With a = E k(x, x') among validation rows, MMD^2 is then 2 a s^2, and its variance that of the permuted ones plus
    4 s^2 (v / m + (v + 4 a^2 s (1 - s)) / n), where v is the variance of the mean kernel of a row.
    """
    m, n = sample.m, sample.n
    if min(m, n) < 2:
        return None
    within = sample.kernel[:m, :m]
    means = (within.sum(axis=1, dtype=np.float64) - 1) / (m - 1)
    a, v = float(means.mean()), float(means.var())
    spread = permuted.var() + 4 * SHARES**2 * (v / m + (v + 4 * a * a * SHARES * (1 - SHARES)) / n)
    reached = 2 * a * SHARES**2 - Z_POWER * np.sqrt(spread) >= np.quantile(permuted, 1 - ALPHA)
    return smallest_on_grid(reached, SHARES)
