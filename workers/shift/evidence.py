"""Evidence of a shift over many batches, with an error rate for the whole life of a monitor.

Half of the level is spent on each of two comparisons.

With the validation rows: all batches share them, so the p-values of two batches depend on each other, and their
product would prove nothing. The union bound needs no independence: batch k may spend `share(k)` of the half.

With the rows before: if all rows are exchangeable, the p-values of a batch against everything before it are
independent of each other. So each becomes an e-value, and the products of e-values from any batch on are a test
martingale. Their mixture over the batch where the shift begins, with the weights `share(k)`, is one too: it does not
fade while nothing happens, as a single product does. Over its whole life it reaches 1 / level with probability level
(Ville 1939).

Source: Vovk 2021, Testing randomness online; Vovk & Wang 2021, E-values: calibration, combination and applications.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

LARGEST = 1e12
"""Evidence is stored up to this. Less than there is can raise no false alarm."""


def share(batch: int) -> float:
    """The share 6 / (pi^2 k^2) of a level that the k-th batch spends, from 1. They sum to 1."""
    return 6 / (math.pi * batch) ** 2


def spent(batches: int) -> float:
    """The share of a level that so many batches have spent."""
    return math.fsum(map(share, range(1, batches + 1)))


def e_value(p_value: float) -> float:
    """(1 - p + p log p) / (p log^2 p): the mean of the calibrators k p^(k - 1) over k from 0 to 1.

    Its mean under a uniform p is 1. Of p = 1 it is 1/2, of .01 it is 4.5, of .001 it is 21.
    """
    size = -math.log(max(p_value, 1e-15))
    if size < 1e-3:
        return 0.5 + size / 6
    return (math.expm1(size) - size) / size**2


@dataclass(frozen=True)
class ShiftEvidence:
    """Evidence against the hypothesis that nothing has shifted, after some batches.

    products: of each detector, the sum over the batches k of `share(k)` times the product of the e-values from k on.
    """

    products: Mapping[str, float]
    batches: int = 0

    @property
    def value(self) -> float:
        """The mean over the detectors; 1 at the beginning."""
        return math.fsum(self.products.values()) / len(self.products) + 1 - spent(self.batches)

    def of(self, detector: str) -> float:
        """That of one detector."""
        return self.products[detector] + 1 - spent(self.batches)

    def after(self, p_values: Mapping[str, float]) -> "ShiftEvidence":
        """With one more batch, given the p-value of each detector against the rows before."""
        begun = share(self.batches + 1)
        products = {
            name: min(LARGEST, (product + begun) * e_value(p_values[name]))
            for name, product in self.products.items()
        }
        return ShiftEvidence(products, self.batches + 1)
