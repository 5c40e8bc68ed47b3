"""The sealed rows depend on the content of the data and on the share alone, and no setting opens one of them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from workers.data.dataset import Labels
from workers.data.errors import TooFewRows
from workers.data.imbalance import Imbalance
from workers.data.row_digests import Digests
from workers.data.sealed_rows import sealed_counts, sealed_size
from workers.data.split_rows import SplitRows, split_rows
from workers.data.splits import RatioSplit

COUNTS = st.lists(st.integers(3, 70), min_size=2, max_size=6)
SHARES = st.integers(1, 60).map(lambda percent: percent / 100)


def data(counts: list[int], values: int, seed: int = 0) -> tuple[Labels, Digests]:
    """Rows of each class of which some are equal: each has one of so many values."""
    labels = np.repeat(np.arange(len(counts)), counts)
    drawn = np.random.default_rng(seed).integers(0, values, len(labels))
    return labels, (drawn * len(counts) + labels).astype(np.uint64)


def split(test: float, *, train: float = 0.6, stratify: bool = True, seed: int = 0) -> RatioSplit:
    """Training gets `train` of the rest. The ratios sum to 1 as decimals, so that the test's share is not rounded."""
    trained, validated = (round(share * (1 - test), 3) for share in (train, 1 - train))
    return RatioSplit(train=trained, validation=validated, test=test, stratify=stratify, seed=seed)


def rows_or_discard(
    labels: Labels, digests: Digests, split: RatioSplit, imbalance: Imbalance | None = None
) -> SplitRows:
    try:
        return split_rows(labels, digests, "abcdef"[: labels.max() + 1], split, imbalance)
    except TooFewRows:
        assume(False)
        raise


@given(COUNTS, SHARES, SHARES, st.integers(3, 10_000), st.booleans())
def test_the_test_parts_of_all_shares_are_nested(
    counts: list[int], one: float, other: float, values: int, stratify: bool
) -> None:
    labels, digests = data(counts, values)
    small, large = (
        rows_or_discard(labels, digests, split(share, stratify=stratify)) for share in sorted((one, other))
    )
    assert set(small.test.tolist()) <= set(large.test.tolist())


@given(COUNTS, SHARES, st.integers(3, 10_000), st.integers(0, 2**63 - 1), st.randoms(use_true_random=False))
@example([4, 10, 52, 59], 0.14, 14, 0, None)  # 17.5 rows
def test_neither_seed_nor_ratios_nor_stratification_nor_the_order_of_the_file_moves_a_row(
    counts: list[int], share: float, values: int, seed: int, random: object
) -> None:
    labels, digests = data(counts, values)
    order = np.random.default_rng(seed).permutation(len(labels))
    rows = rows_or_discard(labels, digests, split(share))
    others = [
        (split(share, seed=seed), np.arange(len(labels))),
        (split(share, stratify=False), np.arange(len(labels))),
        (split(share, train=0.5), np.arange(len(labels))),
        (split(share), order),
    ]
    for each, moved in others:
        again = rows_or_discard(labels[moved], digests[moved], each)
        assert sorted(digests[moved][again.test].tolist()) == sorted(digests[rows.test].tolist())


@given(COUNTS, SHARES, st.integers(3, 10_000))
def test_equal_rows_are_sealed_together(counts: list[int], share: float, values: int) -> None:
    labels, digests = data(counts, values)
    rows = rows_or_discard(labels, digests, split(share))
    open_rows = np.union1d(rows.train, rows.validation)
    assert not np.isin(digests[rows.test], digests[open_rows]).any()


@given(
    COUNTS,
    SHARES,
    st.integers(3, 10_000),
    st.builds(
        Imbalance, kind=st.sampled_from(["step", "exponential"]), ratio=st.floats(1, 8), parts=st.just("all")
    ),
    st.integers(0, 99),
)
def test_thinning_opens_no_sealed_row(
    counts: list[int], share: float, values: int, imbalance: Imbalance, seed: int
) -> None:
    labels, digests = data(counts, values)
    sealed = set(rows_or_discard(labels, digests, split(share)).test.tolist())
    thinned = rows_or_discard(labels, digests, split(share, seed=seed), imbalance)
    assert set(thinned.test.tolist()) <= sealed
    assert sealed.isdisjoint(thinned.train.tolist() + thinned.validation.tolist())
    kept = imbalance.kept_counts(np.array(counts))
    parts = np.concatenate([thinned.train, thinned.validation, thinned.test])
    assert len(set(parts.tolist())) == len(parts)
    if values == 10_000:
        assert np.abs(np.bincount(labels[parts], minlength=len(counts)) - kept).max() <= 1


@given(COUNTS, st.integers(0, 200), st.integers(1, 200))
def test_classes_get_their_shares(counts: list[int], per_mille: int, more: int) -> None:
    here, further = (
        sealed_counts(np.array(counts), Fraction(n, 1000)) for n in (per_mille, per_mille + more)
    )
    assert here.sum() == sealed_size(sum(counts), Fraction(per_mille, 1000))
    assert (further >= here).all()
    if here.sum() >= len(counts):
        assert here.min() >= 1


def test_the_share_of_each_class_is_exact_where_it_can_be() -> None:
    assert sealed_counts(np.array([500, 300, 200]), Fraction(1, 10)).tolist() == [50, 30, 20]
    assert sealed_counts(np.array([5923, 6742, 5958]), Fraction(1, 10)).tolist() == [592, 674, 596]
    assert sealed_counts(np.array([4, 996]), Fraction(1, 10)).tolist() == [1, 99]
    assert sealed_counts(np.array([30, 30]), Fraction(1, 4)).tolist() == [8, 7]


@pytest.mark.parametrize("share", [Fraction(0), Fraction(1, 1000)])
def test_a_share_may_be_nothing(share: Fraction) -> None:
    assert sealed_counts(np.array([30, 30]), share).tolist() == [0, 0]
