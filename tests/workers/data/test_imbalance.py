from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workers.data.imbalance import Imbalance

IMBALANCES = st.builds(
    Imbalance,
    kind=st.sampled_from(["step", "exponential"]),
    ratio=st.floats(1, 1000),
    parts=st.sampled_from(["training", "all"]),
)


def test_exponential_counts_are_those_of_long_tailed_cifar10() -> None:
    # Class counts of CIFAR-10-LT with factor 100 (Cui et al. 2019), rounded down there.
    published = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    kept = Imbalance(kind="exponential", ratio=100).kept_counts(np.full(10, 5000))
    assert np.abs(kept - published).max() <= 1
    assert kept[[0, 9]].tolist() == [5000, 50]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(2, [1000, 10]), (3, [1000, 1000, 10]), (4, [1000, 1000, 10, 10])],
)
def test_step_thins_the_upper_half_and_the_middle_class_stays_whole(
    classes: int, expected: list[int]
) -> None:
    assert Imbalance(kind="step", ratio=100).kept_counts(np.full(classes, 1000)).tolist() == expected


@pytest.mark.parametrize("kind", ["step", "exponential"])
def test_a_ratio_of_one_changes_nothing(kind: Literal["step", "exponential"]) -> None:
    assert Imbalance(kind=kind, ratio=1).kept_counts(np.array([7, 1, 30])).tolist() == [7, 1, 30]


@given(IMBALANCES, st.lists(st.integers(0, 500), min_size=2, max_size=12))
def test_a_class_keeps_at_least_one_row_and_at_most_its_own(imbalance: Imbalance, counts: list[int]) -> None:
    kept = imbalance.kept_counts(np.array(counts))
    assert (kept <= counts).all()
    assert (kept >= np.minimum(counts, 1)).all()


@given(IMBALANCES, st.lists(st.integers(0, 5), min_size=1, max_size=80), st.integers(0, 2**32))
def test_thinning_keeps_distinct_rows_in_order_with_the_announced_counts(
    imbalance: Imbalance, labels: list[int], seed: int
) -> None:
    every = np.array(labels)
    rows = np.arange(0, len(labels), 2)
    kept = imbalance.thin(every, 6, rows, np.random.default_rng(seed))
    assert (np.diff(kept) > 0).all()
    assert np.isin(kept, rows).all()
    expected = imbalance.kept_counts(np.bincount(every[rows], minlength=6))
    assert np.bincount(every[kept], minlength=6).tolist() == expected.tolist()


def test_thinning_draws_among_all_rows_of_a_class() -> None:
    labels = np.repeat([0, 1], 100)
    imbalance = Imbalance(ratio=10)
    kept = [imbalance.thin(labels, 2, np.arange(200), np.random.default_rng(seed)) for seed in range(60)]
    seen = np.unique(np.concatenate(kept))
    assert (seen >= 100).sum() > 95


def test_a_ratio_below_one_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        TypeAdapter(Imbalance).validate_python({"ratio": 0.5})
