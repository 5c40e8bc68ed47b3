"""Cross-validation: every open row evaluates once in each repeat, and no part overlaps another or the sealed rows."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workers.data.dataset import Labels
from workers.data.errors import TooFewRows
from workers.data.folds import FoldDivider
from workers.data.imbalance import Imbalance
from workers.data.row_digests import Digests
from workers.data.split_rows import SplitRows, split_rows
from workers.data.splits import CrossValidation, Fold, RatioSplit

COUNTS = st.lists(st.integers(4, 60), min_size=2, max_size=5)
IMBALANCES = st.none() | st.builds(
    Imbalance, ratio=st.floats(1, 4), parts=st.sampled_from(["training", "all"])
)


@st.composite
def splits(draw: st.DrawFn) -> CrossValidation:
    return CrossValidation(
        folds=draw(st.integers(2, 7)),
        repeats=draw(st.integers(1, 2)),
        validation=draw(st.sampled_from([0.1, 0.2, 0.5])),
        test=draw(st.sampled_from([0.0, 0.1, 0.3])),
        stratify=draw(st.booleans()),
        groups=draw(st.sampled_from(["none", "duplicates"])),
        seed=draw(st.integers(0, 2**63 - 1)),
    )


def names(counts: list[int]) -> tuple[str, ...]:
    return tuple("abcdefgh"[: len(counts)])


def labels_of(counts: list[int]) -> Labels:
    return np.repeat(np.arange(len(counts)), counts)


def digests_of(labels: Labels, *, copies: int = 1) -> Digests:
    """A digest for each row; so many rows after each other, of the same class, are equal."""
    numbers = np.arange(len(labels), dtype=np.uint64) // np.uint64(copies)
    return (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ labels.astype(np.uint64)


def divided(
    counts: list[int], split: CrossValidation, imbalance: Imbalance | None = None, *, copies: int = 1
) -> dict[Fold, SplitRows]:
    labels = labels_of(counts)
    try:
        divider = FoldDivider(labels, digests_of(labels, copies=copies), names(counts), split, imbalance)
        return {fold: divider.rows(fold) for fold in split.all_folds}
    except TooFewRows:
        assume(False)
        raise


def parts_of(rows: SplitRows) -> list[list[int]]:
    return [part.tolist() for part in (rows.train, rows.validation, rows.evaluation, rows.test)]


@given(COUNTS, splits(), IMBALANCES, st.integers(1, 3))
def test_parts_are_disjoint_and_every_open_row_evaluates_once_in_each_repeat(
    counts: list[int], split: CrossValidation, imbalance: Imbalance | None, copies: int
) -> None:
    folds = divided(counts, split, imbalance, copies=copies)
    for rows in folds.values():
        together = [row for part in parts_of(rows) for row in part]
        assert len(set(together)) == len(together)
        assert all(a < b for part in parts_of(rows) for a, b in pairwise(part))
        assert set(together) <= set(rows.open.tolist()) | set(rows.test.tolist())
        if imbalance is None or imbalance.parts == "all":
            assert sorted(together) == sorted([*rows.open.tolist(), *rows.test.tolist()])
        assert set(labels_of(counts)[rows.train]) == set(range(len(counts)))
    for repeat in range(split.repeats):
        evaluated = [row for fold in range(split.folds) for row in parts_of(folds[Fold(repeat, fold)])[2]]
        assert sorted(evaluated) == folds[Fold()].open.tolist()


@given(COUNTS, splits())
def test_folds_are_exact_and_stratified(counts: list[int], split: CrossValidation) -> None:
    assume(split.groups == "none")
    labels, folds = labels_of(counts), divided(counts, split)
    sizes = [len(rows.evaluation) for rows in folds.values()]
    assert max(sizes) - min(sizes) <= 1
    if split.stratify:
        table = [np.bincount(labels[rows.evaluation], minlength=len(counts)) for rows in folds.values()]
        assert (np.ptp(table, axis=0) <= 1).all()
        assert np.min(table) >= 1
    for rows in folds.values():
        rest = len(rows.train) + len(rows.validation)
        assert abs(len(rows.validation) - split.validation * rest) < 1


@given(COUNTS, splits())
def test_the_sealed_rows_are_those_of_every_other_split_of_the_same_share(
    counts: list[int], split: CrossValidation
) -> None:
    assume(split.test)
    folds, labels, test = divided(counts, split), labels_of(counts), float(split.test)
    ratios = RatioSplit(train=round(0.8 - test, 3), validation=0.2, test=test, stratify=split.stratify)
    try:
        sealed = split_rows(labels, digests_of(labels), names(counts), ratios).test
    except TooFewRows:
        assume(False)
    assert all(rows.test.tolist() == sealed.tolist() for rows in folds.values())


@given(COUNTS, splits(), st.sampled_from([0.1, 0.3]), st.floats(1, 4))
def test_experiments_with_the_same_folds_evaluate_the_same_rows(
    counts: list[int], split: CrossValidation, validation: float, ratio: float
) -> None:
    """Neither the share of validation nor an imbalance in training moves an evaluation part: pairs stay pairs."""
    other = CrossValidation(**{**vars(split), "validation": validation})
    folds = divided(counts, split)
    others = divided(counts, other, Imbalance(ratio=ratio, parts="training"))
    for fold in split.all_folds:
        assert folds[fold].evaluation.tolist() == others[fold].evaluation.tolist()


@given(COUNTS, splits(), st.integers(2, 3))
def test_equal_rows_stay_in_one_part(counts: list[int], split: CrossValidation, copies: int) -> None:
    split = CrossValidation(**{**vars(split), "groups": "duplicates"})
    labels = labels_of(counts)
    digests = digests_of(labels, copies=copies)
    for rows in divided(counts, split, copies=copies).values():
        found = [set(digests[part].tolist()) for part in (rows.train, rows.validation, rows.evaluation)]
        assert len(set.union(*found)) == sum(map(len, found))


def test_seed_repeat_and_fold_choose_the_rows() -> None:
    counts = [40, 20]
    folds = divided(counts, CrossValidation(folds=3, repeats=2))
    again = divided(counts, CrossValidation(folds=3, repeats=2))
    other = divided(counts, CrossValidation(folds=3, repeats=2, seed=1))
    evaluated = {fold: tuple(rows.evaluation) for fold, rows in folds.items()}
    assert evaluated == {fold: tuple(rows.evaluation) for fold, rows in again.items()}
    assert len({*evaluated.values(), *(tuple(rows.evaluation) for rows in other.values())}) == 12
    trained = [tuple(rows.train) for rows in folds.values()]
    assert trained == [tuple(rows.train) for rows in again.values()]


@pytest.mark.parametrize(("folds", "needed"), [(2, 4), (3, 3), (5, 5)])
def test_a_class_needs_a_row_in_each_fold_and_two_beside_it(folds: int, needed: int) -> None:
    for rows, groups in product((needed - 1, needed), ("none", "duplicates")):
        labels = labels_of([30, rows])
        split = CrossValidation(folds=folds, test=0.0, groups=groups)  # type: ignore[arg-type]
        arguments = (labels, digests_of(labels), ("many", "few"), split)
        if rows == needed:
            assert [len(FoldDivider(*arguments).rows(fold).train) > 0 for fold in split.all_folds]
            continue
        with pytest.raises(
            TooFewRows, match=f"class 'few' has {rows} row.* at least {needed}: one in each of the"
        ):
            FoldDivider(*arguments)
