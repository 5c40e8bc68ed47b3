"""Class weights: how much an example of each class counts in the mean of the losses."""

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from workers.nn.arrays import Array, Integers
from workers.tagged_union import ByName, Fraction, NonNegative, variant

Counts = Array | Integers
"""Rows of each class in the training part as it is sampled, shape (K,); expected counts need not be whole."""


class EmptyClassError(ValueError):
    """A class without training rows has no frequency, so nothing can be derived from it."""

    def __init__(self, classes: list[int]) -> None:
        self.classes = classes
        which = ", ".join(map(str, classes))
        super().__init__(f"no training rows of class {which}: a class that never occurs has no frequency")


class WeightCountError(ValueError):
    """One weight per class was asked for, and the data set has another number of classes."""

    def __init__(self, weights: int, classes: int) -> None:
        super().__init__(f"{weights} weights were given for {classes} classes: give one per class")


def occurring(class_counts: Counts) -> Array:
    """The counts as float64, if every class occurs."""
    empty = np.flatnonzero(np.asarray(class_counts) <= 0)
    if len(empty):
        raise EmptyClassError(empty.tolist())
    return np.asarray(class_counts, np.float64)


def _one_positive(weights: tuple[float, ...]) -> tuple[float, ...]:
    if not any(weights):
        raise ValueError("at least one weight must be positive")
    return weights


PerClass = Annotated[tuple[NonNegative, ...], Field(min_length=1), AfterValidator(_one_positive)]
"""One weight per class, in the order of the data set's classes."""


def one_per_class(weights: tuple[float, ...], class_counts: Counts) -> Array:
    """The given weights (K,) as float64, if there are as many as classes."""
    if len(weights) != len(class_counts):
        raise WeightCountError(len(weights), len(class_counts))
    return np.array(weights, np.float64)


def relative(weights: Array) -> Array:
    """The weights (K,) times a power of two that brings the largest into [1/2, 1): only their ratios matter.

    The mean sum w L / sum w keeps its bits, and no weight overflows in single precision; one that is 1e-38 of
    the largest or less counts as 0 there.
    """
    _, exponent = np.frexp(weights.max())
    scaled: Array = np.ldexp(weights, -int(exponent))
    return scaled


class ClassWeights(ABC):
    """Maps the class counts of the training part to weights; the trainer takes sum w L / sum w."""

    name: str

    @abstractmethod
    def __call__(self, class_counts: Counts) -> Array | None:
        """The weights (K,), float64, for counts (K,); None where every example counts the same."""


@variant
class NoWeights(ClassWeights):
    """All examples have the same weight."""

    name: Literal["none"] = "none"

    def __call__(self, class_counts: Counts) -> Array | None:
        return None


@variant
class InverseFrequency(ClassWeights):
    """w_k = n / (K n_k), so that all classes have the same total weight.

    Source: King & Zeng 2001, Logistic regression in rare events data.
    Oracle: sklearn.utils.class_weight.compute_class_weight("balanced").
    """

    name: Literal["inverse_frequency"] = "inverse_frequency"

    def __call__(self, class_counts: Counts) -> Array:
        counts = occurring(class_counts)
        weights: Array = counts.sum() / (len(counts) * counts)
        return weights


@variant
class EffectiveNumber(ClassWeights):
    """w_k proportional to (1-b) / (1-b^n_k), the inverse of the effective number of examples; they sum to K.

    b = beta. b = 0 gives all classes the same weight; b -> 1 approaches the inverse frequency.
    Source: Cui et al. 2019, Class-balanced loss based on effective number of samples.
    Oracle: the sum 1 + b + ... + b^(n-1) in exact fractions.
    """

    name: Literal["effective_number"] = "effective_number"
    beta: Fraction = 0.9999

    def __call__(self, class_counts: Counts) -> Array:
        counts = occurring(class_counts)
        # 1 - b^n without the cancellation that b near 1 would bring
        effective = -np.expm1(counts * (math.log(self.beta) if self.beta else -math.inf))
        weights: Array = 1 / effective
        weights *= len(counts) / weights.sum()
        return weights


@variant
class GivenWeights(ClassWeights):
    """The weights that you give, one per class."""

    name: Literal["given"] = "given"
    weights: PerClass

    def __call__(self, class_counts: Counts) -> Array:
        return one_per_class(self.weights, class_counts)


AnyClassWeights = Annotated[NoWeights | InverseFrequency | EffectiveNumber | GivenWeights, ByName()]
