"""Corruptions of tables, value by value."""

import numpy as np
import pytest

from workers.corruptions.tables import (
    MISSING_COLUMNS,
    NOISE,
    SWAPPED_COLUMNS,
    TABLE_CORRUPTIONS,
    UNSEEN_LEVELS,
    WRONG_UNITS,
    TableRows,
    fits,
)

ROWS = 4000
OFFSET = np.array([0.0, 1000.0, 0, 0, 0, 0])


def stream() -> np.random.Generator:
    return np.random.default_rng(5)


def table(*, takes_missing: bool = True) -> TableRows:
    """Three numbers, the second stored relative to 1000, a boolean, and two categories."""
    random = np.random.default_rng(2)
    numbers = random.normal([10, 5, -3], [2, 7, 0.1], (ROWS, 3))
    levels = random.integers(3, size=(ROWS, 3))
    features = np.concatenate([numbers, levels], axis=1).astype(np.float32)
    features[0, 0] = np.nan
    return TableRows(
        features,
        OFFSET,
        np.nanstd(features, axis=0).astype(np.float64),
        np.nanmedian(features, axis=0).astype(np.float64),
        np.array([True, True, True, False, False, False]),
        np.array([False, False, False, False, True, True]),
        takes_missing,
    )


def test_noise_is_in_units_of_the_columns_deviation() -> None:
    rows = table()
    moved = NOISE(rows, 3, stream()) - rows.features
    assert np.isnan(moved[0, 0])
    assert np.nanstd(moved, axis=0)[:3] == pytest.approx(0.5 * rows.sd[:3], rel=0.05)
    assert np.nanmean(moved, axis=0)[:3] == pytest.approx(np.zeros(3), abs=0.2)
    assert not moved[:, 3:].any()


@pytest.mark.parametrize(("severity", "count"), [(1, 1), (3, 2), (5, 3)])
def test_each_row_lacks_its_own_columns(severity: int, count: int) -> None:
    rows = table()
    lost = np.isnan(MISSING_COLUMNS(rows, severity, stream()))[1:]
    assert set(lost.sum(axis=1).tolist()) == {count}
    assert lost.mean(axis=0) == pytest.approx(np.full(6, count / 6), abs=0.03)


def test_a_missing_value_is_the_median_where_the_model_takes_none() -> None:
    rows = table(takes_missing=False)
    found = MISSING_COLUMNS(rows, 1, stream())
    changed = (found != rows.features) & ~np.isnan(rows.features)
    places = np.nonzero(changed)
    assert found[places] == pytest.approx(rows.median[places[1]].astype(np.float32))


def test_unseen_levels_are_in_categories_alone() -> None:
    rows = table()
    found = UNSEEN_LEVELS(rows, 1, stream())
    hit = found == -1
    assert not hit[:, [0, 1, 3]].any()
    assert set(hit[:, 4:].sum(axis=1).tolist()) == {1}


def test_wrong_units_are_thousandths_of_the_original_values() -> None:
    rows = table()
    found = WRONG_UNITS(rows, 1, stream()).astype(np.float64)
    original, after = rows.features + OFFSET, found + OFFSET
    hit = np.abs(after - original) > 1e-4
    assert set(hit[1:].sum(axis=1).tolist()) == {1}
    assert after[hit] == pytest.approx(original[hit] / 1000, abs=1e-3)
    assert not hit[:, 3:].any()


def test_swapped_columns_have_each_others_original_values() -> None:
    rows = table()
    after, original = SWAPPED_COLUMNS(rows, 5, stream()) + OFFSET, rows.features + OFFSET
    for row in range(1, 200):
        changed = np.flatnonzero(np.abs(after[row] - original[row]) > 1e-6)
        a, b = changed.tolist()
        assert after[row, a] == pytest.approx(original[row, b], abs=1e-3)
        assert after[row, b] == pytest.approx(original[row, a], abs=1e-3)
        assert {a, b} <= {0, 1, 2}


def test_higher_severities_hit_the_same_columns_and_more() -> None:
    rows = table()
    less, more = (np.isnan(MISSING_COLUMNS(rows, severity, stream())) for severity in (1, 5))
    assert (more | ~less).all()


def test_a_table_without_categories_or_numbers_has_fewer_corruptions() -> None:
    assert [each.name for each in TABLE_CORRUPTIONS if fits(each, numbers=1, categories=0)] == [
        "noise",
        "missing_columns",
        "wrong_units",
    ]
    assert [each.name for each in TABLE_CORRUPTIONS if fits(each, numbers=0, categories=2)] == [
        "missing_columns",
        "unseen_levels",
    ]
