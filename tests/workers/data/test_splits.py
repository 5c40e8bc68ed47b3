from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workers.data.dataset import Labels
from workers.data.errors import TooFewRows
from workers.data.imbalance import Imbalance
from workers.data.splits import (
    AnySplit,
    OfficialSplit,
    RatioSplit,
    Split,
    SplitRows,
    split_rows,
)

ANY_SPLIT: TypeAdapter[Split] = TypeAdapter(AnySplit)
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
    )


def imbalances(parts: st.SearchStrategy[str]) -> st.SearchStrategy[Imbalance]:
    kinds = st.sampled_from(["step", "exponential"])
    return st.builds(Imbalance, kind=kinds, ratio=st.floats(1, 10), parts=parts)


IN_TRAINING = imbalances(st.just("training"))
ANYWHERE = st.none() | imbalances(st.sampled_from(["training", "all"]))
COUNTS = st.lists(st.integers(3, 90), min_size=2, max_size=8)


def names(classes: int) -> tuple[str, ...]:
    return tuple("abcdefgh"[:classes])


def labels_of(counts: list[int]) -> Labels:
    return np.repeat(np.arange(len(counts)), counts)


def split_or_discard(
    labels: Labels, classes: int, split: Split, imbalance: Imbalance | None = None
) -> SplitRows:
    try:
        return split_rows(labels, names(classes), split, imbalance)
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
    rows = split_or_discard(labels, len(counts), split)
    parts = [rows.train, rows.validation, rows.test]

    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    for part, ratio in zip(parts, (split.train, split.validation, split.test), strict=True):
        assert abs(len(part) - len(labels) * ratio) < 1
        assert (np.diff(part) > 0).all()
    again = split_rows(labels, names(len(counts)), split)
    assert all(
        np.array_equal(a, b) for a, b in zip(parts, (again.train, again.validation, again.test), strict=True)
    )


@given(COUNTS, splits(stratify=True), ANYWHERE)
def test_every_class_has_a_row_in_every_part_of_a_stratified_split(
    counts: list[int], split: RatioSplit, imbalance: Imbalance | None
) -> None:
    labels = labels_of(counts)
    rows = split_or_discard(labels, len(counts), split, imbalance)
    for part in split.ratios:
        assert np.bincount(labels[getattr(rows, part)], minlength=len(counts)).min() >= 1


@given(COUNTS, splits(), IN_TRAINING)
def test_thinning_the_training_part_does_not_change_the_others(
    counts: list[int], split: RatioSplit, imbalance: Imbalance
) -> None:
    labels = labels_of(counts)
    whole = split_or_discard(labels, len(counts), split)
    thinned = split_rows(labels, names(len(counts)), split, imbalance)
    assert np.isin(thinned.train, whole.train).all()
    assert np.array_equal(thinned.validation, whole.validation)
    assert np.array_equal(thinned.test, whole.test)


def test_thinning_all_parts_gives_each_the_same_imbalance() -> None:
    labels = labels_of([1000, 1000])
    rows = split_rows(labels, names(2), RatioSplit(), Imbalance(ratio=10, parts="all"))
    for part, size in zip((rows.train, rows.validation, rows.test), (770, 220, 110), strict=True):
        assert np.bincount(labels[part]).tolist() == [size * 10 // 11, size // 11]


@pytest.mark.parametrize("stratify", [True, False])
def test_sorted_data_is_harmless(stratify: bool) -> None:
    labels = labels_of([6000] * 10)
    rows = split_rows(labels, tuple("0123456789"), RatioSplit(stratify=stratify))
    for part, size in zip((rows.train, rows.validation, rows.test), (42_000, 12_000, 6_000), strict=True):
        counts = np.bincount(labels[part], minlength=10)
        assert counts.sum() == size
        # Stratified: a tenth each. Otherwise hypergeometric, with a standard deviation of at most 36.
        assert np.abs(counts - size / 10).max() <= (0 if stratify else 5 * 36)


def test_stratified_and_simple_splits_reach_every_row_and_differ_by_seed() -> None:
    labels = labels_of([50, 50])
    for stratify in (True, False):
        tests = [
            split_rows(labels, names(2), RatioSplit(stratify=stratify, seed=seed)).test for seed in range(80)
        ]
        assert len({part.tobytes() for part in tests}) == 80
        assert len(np.unique(np.concatenate(tests))) == 100


def test_the_rows_of_a_stored_split_never_change() -> None:
    rows = split_rows(labels_of([10, 10]), names(2), RatioSplit(seed=3))
    assert (rows.validation.tolist(), rows.test.tolist()) == ([3, 4, 10, 16], [7, 18])


def test_an_official_split_leaves_every_row_to_train_and_validation() -> None:
    rows = split_rows(labels_of([30, 20]), names(2), OfficialSplit())
    assert (len(rows.train), len(rows.validation), len(rows.test)) == (40, 10, 0)


def test_a_class_too_small_for_every_part_is_named() -> None:
    with pytest.raises(
        TooFewRows, match=r"class 'b' has 2 rows and needs at least 3: one in each of the 3 parts"
    ):
        split_rows(labels_of([30, 2]), names(2), RatioSplit())
    split_rows(labels_of([30, 2]), names(2), RatioSplit(train=0.7, validation=0.3, test=0.0))


def test_a_part_too_small_for_every_class_is_named() -> None:
    with pytest.raises(TooFewRows, match=r"the test part has 2 rows and needs at least 3: one of each class"):
        split_rows(labels_of([9, 8, 3]), names(3), RatioSplit())


def test_a_part_that_would_be_empty_is_named() -> None:
    with pytest.raises(TooFewRows, match=r"the test part has 0 rows"):
        split_rows(labels_of([2, 2]), names(2), RatioSplit(stratify=False))


def test_a_simple_split_either_trains_on_every_class_or_is_refused() -> None:
    labels = labels_of([99, 1])
    refused = []
    for seed in range(30):
        try:
            rows = split_rows(labels, names(2), RatioSplit(stratify=False, seed=seed))
            assert 1 in labels[rows.train]
        except TooFewRows as error:
            refused.append(str(error))
    assert 0 < len(refused) < 30
    assert set(refused) == {
        "class 'b' has 0 rows and needs at least 1: in the training part; stratify the split."
    }


@pytest.mark.parametrize(
    ("spec", "train", "validation", "test"),
    [
        ({}, 0.7, 0.2, 0.1),
        ({"test": "official"}, 0.8, 0.2, "official"),
        ({"test": "official", "train": 0.9, "validation": 0.1}, 0.9, 0.1, "official"),
        ({"train": 0.5, "validation": 0.5, "test": 0}, 0.5, 0.5, 0),
    ],
)
def test_a_spec_is_resolved_to_all_of_its_ratios(
    spec: Any, train: float, validation: float, test: float | str
) -> None:
    split = ANY_SPLIT.validate_python(spec)
    assert (split.train, split.validation, split.test) == (train, validation, test)
    assert ANY_SPLIT.validate_json(ANY_SPLIT.dump_json(split)) == split


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"train": 0.8}, "train 0.8 + validation 0.2 + test 0.1 = 1.1; train = 0.7 would be right"),
        ({"test": "official", "train": 0.7}, "train 0.7 + validation 0.2 = 0.9; train = 0.8 would be right"),
        ({"validation": 0.8, "test": 0.4}, "= 1.9; divide each by 1.9"),
        ({"train": 0, "validation": 0.9}, "greater than 0"),
        ({"test": -0.1}, "greater than or equal to 0"),
        ({"test": "published"}, "valid number"),
        ({"ratio": 1}, "Unexpected keyword"),
    ],
)
def test_ratios_that_do_not_add_up_are_refused_with_a_correction(spec: Any, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ANY_SPLIT.validate_python(spec)
    assert message in str(refused.value)


def test_ratios_may_carry_the_rounding_of_floating_point() -> None:
    RatioSplit(train=0.1 + 0.2, validation=0.6, test=0.1)
    with pytest.raises(ValueError, match="must sum to 1"):
        RatioSplit(train=0.7 + 1e-8, validation=0.2, test=0.1)
