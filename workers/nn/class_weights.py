"""Class weights: how much an example of each class counts in the mean loss."""

import math
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field

from workers.nn.arrays import Array, Integers
from workers.tagged_union import ByName, Fraction, NonNegative, Positive, variant

Counts = Array | Integers
"""How often training draws each class in an epoch, shape (K,). Expected counts need not be whole numbers."""


class EmptyClassError(ValueError):
    """A class has no training rows, so weights cannot be derived from its frequency."""

    def __init__(self, classes: list[int]) -> None:
        self.classes = classes
        which = ", ".join(map(str, classes))
        super().__init__(f"no training rows of class {which}: a class that never occurs has no frequency")


class WeightCountError(ValueError):
    """The number of weights differs from the number of classes."""

    def __init__(self, weights: int, classes: int) -> None:
        super().__init__(f"{weights} weights were given for {classes} classes: give one per class")


def require_every_class(class_counts: Counts) -> Array:
    """Return the counts (K,) as float64. Raises EmptyClassError if one is 0."""
    empty = np.flatnonzero(np.asarray(class_counts) <= 0)
    if len(empty):
        raise EmptyClassError(empty.tolist())
    return np.asarray(class_counts, np.float64)


def _require_one_positive(weights: tuple[float, ...]) -> tuple[float, ...]:
    if not any(weights):
        raise ValueError("at least one weight must be positive")
    return weights


PerClass = Annotated[tuple[NonNegative, ...], Field(min_length=1), AfterValidator(_require_one_positive)]
"""One weight per class, in the order of the data set's classes."""


def one_per_class(weights: tuple[float, ...], class_counts: Counts) -> Array:
    """Return the weights (K,) as float64. Raises WeightCountError unless there is one per class."""
    if len(weights) != len(class_counts):
        raise WeightCountError(len(weights), len(class_counts))
    return np.array(weights, np.float64)


def rescale(weights: Array) -> Array:
    """Multiply the weights (K,) by the power of two that brings the largest into [1/2, 1): only their ratios matter.

    The mean sum w L / sum w keeps its bits, and no weight overflows in single precision. A weight that is at most
    1e-38 of the largest becomes 0 there.
    """
    _, exponent = np.frexp(weights.max())
    rescaled: Array = np.ldexp(weights, -int(exponent))
    return rescaled


class ClassWeights(ABC):
    """Maps class counts to class weights. The objective is sum w L / sum w."""

    name: str
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    """What is weighted: classes, or the numbers of a regression."""

    @abstractmethod
    def __call__(self, class_counts: Counts) -> Array | None:
        """The weights (K,), float64, for counts (K,); None if all classes have the same weight."""


@variant
class NoWeights(ClassWeights):
    """All examples have the same weight.

    When: if each row matters the same, or if the loss or the balancing already favours rare classes.
    """

    tasks: ClassVar = ("classification", "regression")
    name: Literal["none"] = "none"

    def __call__(self, class_counts: Counts) -> Array | None:
        return None


@variant
class InverseFrequency(ClassWeights):
    """w_k = n / (K n_k), so that all classes have the same total weight.

    When: if each class matters the same.
    Source: King & Zeng 2001, Logistic regression in rare events data.
    Oracle: sklearn.utils.class_weight.compute_class_weight("balanced").
    """

    name: Literal["inverse_frequency"] = "inverse_frequency"

    def __call__(self, class_counts: Counts) -> Array:
        counts = require_every_class(class_counts)
        weights: Array = counts.sum() / (len(counts) * counts)
        return weights


@variant
class EffectiveNumber(ClassWeights):
    """w_k proportional to (1-b) / (1-b^n_k), the inverse of the effective number of examples; they sum to K.

    b = beta. b = 0 gives all classes the same weight; b -> 1 approaches the inverse frequency.
    When: if classes are so rare that inverse frequencies let single rows steer the training.
    Source: Cui et al. 2019, Class-balanced loss based on effective number of samples.
    Oracle: the sum 1 + b + ... + b^(n-1) in exact fractions.
    """

    name: Literal["effective_number"] = "effective_number"
    beta: Fraction = 0.9999

    def __call__(self, class_counts: Counts) -> Array:
        counts = require_every_class(class_counts)
        # 1 - b^n without cancellation for b near 1
        effective = -np.expm1(counts * (math.log(self.beta) if self.beta else -math.inf))
        weights: Array = 1 / effective
        weights *= len(counts) / weights.sum()
        return weights


@variant
class GivenWeights(ClassWeights):
    """The weights that you give, one per class.

    When: if you know how much an error in each class costs.
    """

    name: Literal["given"] = "given"
    weights: PerClass

    def __call__(self, class_counts: Counts) -> Array:
        return one_per_class(self.weights, class_counts)


def _require_odd(width: int) -> int:
    if width % 2 == 0:
        raise ValueError("should be odd, so that the kernel has a middle")
    return width


@variant
class InverseDensity(ClassWeights):
    """w(y) = 1/density of the target y in training, mean 1: weights of the rows of a regression.

    The density is the count of `bins` equally wide bins, smoothed over neighbouring bins by a Gaussian kernel
    `kernel` bins wide, with a standard deviation of `sigma` bins (label distribution smoothing).
    When: for numbers, if rare targets matter as much as frequent ones.
    Source: Yang et al. 2021, Delving into deep imbalanced regression. Oracle: scipy.ndimage.convolve1d.
    """

    tasks: ClassVar = ("regression",)
    name: Literal["inverse_density"] = "inverse_density"
    bins: Annotated[int, Field(strict=True, ge=2, le=10_000)] = 50
    kernel: Annotated[int, Field(strict=True, ge=1, le=1001), AfterValidator(_require_odd)] = 5
    sigma: Positive = 2.0

    def __call__(self, class_counts: Counts) -> None:
        """No class has a weight: `workers.nn.density_weights` weights the rows."""


AnyClassWeights = Annotated[
    NoWeights | InverseFrequency | EffectiveNumber | GivenWeights | InverseDensity, ByName()
]
