"""Populations with a known distribution, from which data sets are drawn."""

from dataclasses import dataclass

import numpy as np

from workers.data.dataset import Dataset

FEATURES = 10
TRUTH_ROWS = 20_000
"""Rows that stand for all rows of a population."""


@dataclass(frozen=True)
class Design:
    """A population, and how many of its rows an experiment has.

    shares: of the classes. training, validation: rows. shift: how far neighbouring classes lie apart, in standard
    deviations. More spread of the later classes makes the best boundary a curve.
    """

    name: str
    shares: tuple[float, ...]
    training: int
    validation: int
    shift: float = 0.8

    def draw(self, rows: int, generator: np.random.Generator) -> Dataset:
        """New rows; each class has at least eight, as a submission would demand."""
        classes = len(self.shares)
        labels = generator.choice(classes, size=rows, p=self.shares)
        labels[: 8 * classes] = np.repeat(np.arange(classes), 8)
        features = generator.standard_normal((rows, FEATURES), dtype=np.float32)
        for k in range(classes):
            features[labels == k, k % 3 : k % 3 + 3] += np.float32(self.shift * k)
        features[:, 4] *= 1 + labels
        names = tuple(f"class {k}" for k in range(classes))
        return Dataset(self.name, features, labels.astype(np.int64), names)

    def all_rows(self) -> Dataset:
        """Rows on which the true figures are measured."""
        return self.draw(TRUTH_ROWS, np.random.default_rng(99))


DESIGNS = (
    Design("rare class, 900:300", (0.9, 0.1), 900, 300),
    Design("even classes, 900:300", (0.5, 0.5), 900, 300),
    Design("three classes, 300:150", (0.6, 0.3, 0.1), 300, 150),
    Design("few rows, 100:60", (0.7, 0.3), 100, 60),
    Design("five classes, 600:300", (0.4, 0.25, 0.15, 0.1, 0.1), 600, 300, shift=0.5),
)
