from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from workers.nn.class_weights import (
    AnyClassWeights,
    ClassWeights,
    EffectiveNumber,
    EmptyClassError,
    GivenWeights,
    InverseFrequency,
    NoWeights,
    WeightCountError,
)
from workers.tagged_union import members

COUNTS = np.array([5000, 400, 37, 1])
NEEDED: dict[str, dict[str, Any]] = {"given": {"weights": (0.5, 1.0, 2.0, 0.0)}}
WEIGHTS = [cls(**NEEDED.get(cls.name, {})) for cls in members(AnyClassWeights)]
every_weighting = pytest.mark.parametrize("weighting", WEIGHTS, ids=lambda w: w.name)


@every_weighting
def test_weights_are_one_double_per_class_and_never_negative(weighting: ClassWeights) -> None:
    weights = weighting(COUNTS)
    if weights is not None:
        assert weights.shape == COUNTS.shape
        assert weights.dtype == np.float64
        assert (weights >= 0).all()
        assert weights.any()


@every_weighting
def test_expected_counts_need_not_be_whole(weighting: ClassWeights) -> None:
    whole, expected = weighting(COUNTS), weighting(COUNTS.astype(np.float64) + 1e-9)
    if whole is None or expected is None:
        assert whole is expected
    else:
        np.testing.assert_allclose(whole, expected, rtol=1e-8)


@every_weighting
def test_weights_survive_a_round_trip_through_json(weighting: ClassWeights) -> None:
    adapter: TypeAdapter[ClassWeights] = TypeAdapter(AnyClassWeights)
    assert adapter.validate_json(adapter.dump_json(weighting)) == weighting


def test_no_weights_are_none() -> None:
    assert NoWeights()(COUNTS) is None


def test_inverse_frequency_is_balanced_in_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.utils.class_weight", reason="the oracle of class weights")
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    expected = sklearn.compute_class_weight("balanced", classes=np.arange(len(COUNTS)), y=labels)
    np.testing.assert_allclose(InverseFrequency()(COUNTS), expected, rtol=1e-14)


@pytest.mark.parametrize("beta", [0.5, 0.9, 0.9999, 1 - 2**-20])
def test_effective_numbers_are_exact(beta: float) -> None:
    """The effective number of n examples is 1 + b + ... + b^(n-1), here in exact fractions."""
    counts = [300, 41, 7, 1]
    exact = [1 / sum(Fraction(beta) ** i for i in range(n)) for n in counts]
    expected = [float(len(counts) * weight / sum(exact)) for weight in exact]
    np.testing.assert_allclose(EffectiveNumber(beta=beta)(np.array(counts)), expected, rtol=1e-12)


def test_effective_numbers_run_from_equal_weights_to_inverse_frequency() -> None:
    np.testing.assert_array_equal(EffectiveNumber(beta=0.0)(COUNTS), 1)
    inverse = InverseFrequency()(COUNTS)
    almost = EffectiveNumber(beta=1 - 2**-53)(COUNTS)
    np.testing.assert_allclose(almost, inverse * len(COUNTS) / inverse.sum(), rtol=1e-11)


@pytest.mark.parametrize("weighting", [InverseFrequency(), EffectiveNumber()], ids=lambda w: w.name)
def test_a_class_without_rows_is_refused_by_number(weighting: ClassWeights) -> None:
    with pytest.raises(EmptyClassError, match="no training rows of class 1, 3") as refusal:
        weighting(np.array([5, 0, 7, 0]))
    assert refusal.value.classes == [1, 3]
    assert isinstance(refusal.value, ValueError)


def test_given_weights_are_taken_as_they_are_but_one_per_class() -> None:
    np.testing.assert_array_equal(GivenWeights(weights=(0.0, 3.0))(np.array([0, 9])), [0, 3])
    with pytest.raises(WeightCountError, match="2 weights were given for 4 classes"):
        GivenWeights(weights=(1.0, 3.0))(COUNTS)


@pytest.mark.parametrize("wrong", [[], [0, 0], [1, -1], [1, float("inf")], "1,2"])
def test_given_weights_must_be_of_use(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AnyClassWeights).validate_python({"name": "given", "weights": wrong})
