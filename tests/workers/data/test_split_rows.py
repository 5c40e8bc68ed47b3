from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workers.data.dataset import Labels
from workers.data.errors import TooFewRows
from workers.data.imbalance import Imbalance
from workers.data.row_digests import Digests
from workers.data.split_rows import SplitRows, split_rows
from workers.data.splits import OfficialSplit, RatioSplit, Split

RATIOS = [(0.7, 0.2, 0.1), (0.6, 0.4, 0.0), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.04, 0.06), (0.15, 0.15, 0.7)]


@st.composite
def splits(draw: st.DrawFn, stratify: bool | None = None) -> RatioSplit:
    train, validation, test = draw(st.sampled_from(RATIOS))
    return RatioSplit(
        train=train,
        validation=validation,
        test=test,
        stratify=draw(st.booleans()) if stratify is None else stratify,
        seed=draw(st.integers(0, 2**63 - 1)),
        version=draw(st.sampled_from([1, 2])),
    )


def imbalances(parts: st.SearchStrategy[str]) -> st.SearchStrategy[Imbalance]:
    kinds = st.sampled_from(["step", "exponential"])
    return st.builds(Imbalance, kind=kinds, ratio=st.floats(1, 10), parts=parts)


IN_TRAINING = imbalances(st.just("training"))
ANYWHERE = st.none() | imbalances(st.sampled_from(["training", "all"]))
COUNTS = st.lists(st.integers(3, 90), min_size=2, max_size=8)


def names(classes: int) -> tuple[str, ...]:
    return tuple("abcdefghij"[:classes])


def labels_of(counts: list[int]) -> Labels:
    return np.repeat(np.arange(len(counts)), counts)


def distinct(rows: int) -> Digests:
    """Digests of rows of which no two are equal."""
    return np.random.default_rng(rows).permutation(rows).astype(np.uint64)


def rows_of(
    labels: Labels, split: Split, imbalance: Imbalance | None = None, digests: Digests | None = None
) -> SplitRows:
    digests = distinct(len(labels)) if digests is None else digests
    return split_rows(labels, digests, names(int(labels.max()) + 1), split, imbalance)


def split_or_discard(labels: Labels, split: Split, imbalance: Imbalance | None = None) -> SplitRows:
    try:
        return rows_of(labels, split, imbalance)
    except TooFewRows:
        assume(False)
        raise


@given(COUNTS, splits(), st.randoms())
def test_parts_are_disjoint_exhaustive_exact_and_reproducible(
    counts: list[int], split: RatioSplit, random: Any
) -> None:
    shuffled = labels_of(counts).tolist()
    random.shuffle(shuffled)
    labels = np.array(shuffled)
    rows = split_or_discard(labels, split)
    parts = [rows.train, rows.validation, rows.test]

    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    for part, ratio in zip(parts, (split.train, split.validation, split.test), strict=True):
        assert abs(len(part) - len(labels) * ratio) < 1
        assert (np.diff(part) > 0).all()
    again = rows_of(labels, split)
    assert all(
        np.array_equal(a, b) for a, b in zip(parts, (again.train, again.validation, again.test), strict=True)
    )


@given(COUNTS, splits(stratify=True), ANYWHERE)
def test_every_class_has_a_row_in_every_part_of_a_stratified_split(
    counts: list[int], split: RatioSplit, imbalance: Imbalance | None
) -> None:
    labels = labels_of(counts)
    rows = split_or_discard(labels, split, imbalance)
    for part in split.ratios:
        assert np.bincount(labels[getattr(rows, part)], minlength=len(counts)).min() >= 1


@given(COUNTS, splits(), IN_TRAINING)
def test_thinning_the_training_part_does_not_change_the_others(
    counts: list[int], split: RatioSplit, imbalance: Imbalance
) -> None:
    labels = labels_of(counts)
    whole = split_or_discard(labels, split)
    thinned = rows_of(labels, split, imbalance)
    assert np.isin(thinned.train, whole.train).all()
    assert np.array_equal(thinned.validation, whole.validation)
    assert np.array_equal(thinned.test, whole.test)


def test_thinning_all_parts_gives_each_the_same_imbalance() -> None:
    labels = labels_of([1000, 1000])
    rows = rows_of(labels, RatioSplit(), Imbalance(ratio=10, parts="all"))
    for part, size in zip((rows.train, rows.validation, rows.test), (770, 220, 110), strict=True):
        assert np.bincount(labels[part]).tolist() == [size * 10 // 11, size // 11]


@pytest.mark.parametrize("stratify", [True, False])
def test_sorted_data_is_harmless(stratify: bool) -> None:
    labels = labels_of([6000] * 10)
    rows = rows_of(labels, RatioSplit(stratify=stratify))
    for part, size in zip((rows.train, rows.validation, rows.test), (42_000, 12_000, 6_000), strict=True):
        counts = np.bincount(labels[part], minlength=10)
        assert counts.sum() == size
        # Stratified: a tenth each. Otherwise hypergeometric, with a standard deviation of at most 36.
        assert np.abs(counts - size / 10).max() <= (0 if stratify else 5 * 36)


@pytest.mark.parametrize("stratify", [True, False])
def test_the_seed_moves_training_and_validation_and_no_sealed_row(stratify: bool) -> None:
    labels = labels_of([50, 50])
    parts = [rows_of(labels, RatioSplit(stratify=stratify, seed=seed)) for seed in range(80)]
    assert len({each.validation.tobytes() for each in parts}) == 80
    assert len(np.unique(np.concatenate([each.validation for each in parts]))) == 90
    assert len({each.test.tobytes() for each in parts}) == 1


@pytest.mark.parametrize("stratify", [True, False])
def test_in_version_1_the_seed_moves_the_test_part_too(stratify: bool) -> None:
    labels = labels_of([50, 50])
    tests = [rows_of(labels, RatioSplit(stratify=stratify, seed=n, version=1)).test for n in range(80)]
    assert len({part.tobytes() for part in tests}) == 80
    assert len(np.unique(np.concatenate(tests))) == 100


def test_the_rows_of_a_stored_split_never_change() -> None:
    rows = rows_of(labels_of([10, 10]), RatioSplit(seed=3, version=1))
    assert (rows.validation.tolist(), rows.test.tolist()) == ([3, 4, 10, 16], [7, 18])
    rows = rows_of(labels_of([10, 10]), RatioSplit(seed=3), digests=np.arange(20, 0, -1).astype(np.uint64))
    assert (rows.validation.tolist(), rows.test.tolist()) == ([2, 7, 10, 11], [9, 19])


@given(COUNTS, splits(), ANYWHERE)
def test_without_sealed_rows_both_versions_have_the_same_parts(
    counts: list[int], split: RatioSplit, imbalance: Imbalance | None
) -> None:
    labels = labels_of(counts)
    for either in (replace(split, train=0.75, validation=0.25, test=0.0), OfficialSplit(seed=split.seed)):
        old, new = (
            split_or_discard(labels, replace(either, version=version), imbalance) for version in (1, 2)
        )
        assert np.array_equal(old.train, new.train)
        assert np.array_equal(old.validation, new.validation)


def test_an_official_split_leaves_every_row_to_train_and_validation() -> None:
    rows = rows_of(labels_of([30, 20]), OfficialSplit())
    assert (len(rows.train), len(rows.validation), len(rows.test)) == (40, 10, 0)


def test_a_class_too_small_for_every_part_is_named() -> None:
    with pytest.raises(
        TooFewRows, match=r"class 'b' has 2 rows and needs at least 3: one in each of the 3 parts"
    ):
        rows_of(labels_of([30, 2]), RatioSplit())
    rows_of(labels_of([30, 2]), RatioSplit(train=0.7, validation=0.3, test=0.0))


def test_a_part_too_small_for_every_class_is_named() -> None:
    with pytest.raises(TooFewRows, match=r"the test part has 2 rows and needs at least 3: one of each class"):
        rows_of(labels_of([9, 8, 3]), RatioSplit())


def test_a_part_that_would_be_empty_is_named() -> None:
    with pytest.raises(TooFewRows, match=r"the test part has 0 rows"):
        rows_of(labels_of([2, 2]), RatioSplit(stratify=False))


def test_equal_rows_that_leave_a_part_without_a_class_are_named() -> None:
    digests = np.array([*range(30), *[99] * 10], np.uint64)
    with pytest.raises(TooFewRows, match=r"class 'b' has 1 row and needs at least 3: .* count once"):
        rows_of(labels_of([30, 10]), RatioSplit(), digests=digests)


@given(st.lists(st.integers(3, 60), min_size=2, max_size=5), splits(), st.integers(2, 12), st.integers(0, 9))
def test_groups_keep_equal_rows_in_one_part(
    counts: list[int], split: RatioSplit, values: int, seed: int
) -> None:
    """Rows are equal if they are of one class and have the same value."""
    labels = labels_of(counts)
    drawn = np.random.default_rng(seed).integers(0, values, len(labels))
    digests = (labels * 100 + drawn).astype(np.uint64)
    split = replace(split, groups="duplicates", version=2)
    try:
        rows = rows_of(labels, split, digests=digests)
    except TooFewRows:
        assume(False)
    parts = [set(digests[part].tolist()) for part in (rows.train, rows.validation, rows.test)]
    assert sum(map(len, parts)) == len(set(digests.tolist()))
    assert len(rows.train) + len(rows.validation) + len(rows.test) == len(labels)


def test_groups_change_the_sizes_by_less_than_one_group() -> None:
    labels = labels_of([400, 200])
    digests = np.concatenate([np.arange(400) // 4, 1000 + np.arange(200) // 2]).astype(np.uint64)
    rows = rows_of(labels, RatioSplit(groups="duplicates"), digests=digests)
    for k, (count, group) in enumerate(((400, 4), (200, 2))):
        for part, share in ((rows.train, 0.7), (rows.validation, 0.2), (rows.test, 0.1)):
            assert abs((labels[part] == k).sum() - count * share) <= group


def test_a_simple_split_either_trains_on_every_class_or_is_refused() -> None:
    labels = labels_of([99, 1])
    refused = []
    for seed in range(30):
        try:
            rows = rows_of(labels, RatioSplit(stratify=False, seed=seed))
            assert 1 in labels[rows.train]
        except TooFewRows as error:
            refused.append(str(error))
    assert 0 < len(refused) < 30
    assert set(refused) == {
        "class 'b' has 0 rows and needs at least 1: in the training part; stratify the split."
    }
