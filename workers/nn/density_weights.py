"""Weights of the rows of a regression by how rare their targets are: label distribution smoothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def width_bins(targets: Floats, low: float, high: float, bins: int) -> NDArray[np.int64]:
    """Which of `bins` equally wide bins between `low` and `high` each target (n,) is in; the last has both ends.

    Targets beyond the ends are in the bins there.
    """
    places = (targets - low) * (bins / (high - low))
    return np.clip(np.floor(places), 0, bins - 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class DensityWeights:
    """w(y) = 1/density at y: of the bins (B,) from `low` to `high`, scaled to a mean of 1 over the training rows."""

    low: float
    high: float
    of_bins: Floats

    @staticmethod
    def fit(targets: Floats, *, bins: int, kernel: int, sigma: float) -> "DensityWeights":
        """From the training targets (n,), which are not all equal: their counts in equally wide bins, smoothed.

        The kernel is Gaussian, `kernel` bins wide, with a standard deviation of `sigma` bins.
        """
        low, high = float(targets.min()), float(targets.max())
        which = width_bins(targets, low, high, bins)
        distance = np.arange(kernel) - kernel // 2
        window = np.exp(-(distance**2) / (2 * sigma**2))
        counts = np.bincount(which, minlength=bins).astype(np.float64)
        density = np.convolve(counts, window / window.sum())[kernel // 2 :][:bins]
        inverse = 1 / np.maximum(density, density[density > 0].min())
        return DensityWeights(low, high, inverse / inverse[which].mean())

    def __call__(self, targets: Floats) -> Floats:
        """The weights (n,) of targets (n,)."""
        found: Floats = self.of_bins[width_bins(targets, self.low, self.high, len(self.of_bins))]
        return found
