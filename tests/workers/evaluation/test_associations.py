"""Associations between columns, against SciPy, and on columns that are independent."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from workers.evaluation.associations import associated_pairs

ROWS = 2000


def strength(columns: list[Any], is_category: list[bool]) -> float:
    (pair,) = associated_pairs(np.column_stack(columns).astype(np.float32), is_category, -1.0)
    assert (pair.first, pair.second) == (0, 1)
    return pair.strength


def test_numbers_have_spearmans_correlation_without_its_sign() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=ROWS)
    y = np.round(-np.exp(x) + generator.normal(size=ROWS), 1)  # with ties
    expected = stats.spearmanr(x.astype(np.float32), y.astype(np.float32)).statistic
    assert strength([x, y], [False, False]) == pytest.approx(-expected, abs=1e-12)


@pytest.mark.parametrize("is_category", [[True, False], [True, True]])
def test_a_category_is_associated_with_what_follows_from_it_and_with_nothing_else(
    is_category: list[bool],
) -> None:
    generator = np.random.default_rng(1)
    codes = generator.integers(5, size=ROWS)
    assert strength([codes, (codes * 3) % 5], is_category) == pytest.approx(1.0, abs=1e-6)
    many = generator.integers(400, size=ROWS)  # uncorrected, about 0.45
    other = generator.integers(5, size=ROWS)
    assert strength([many, other], is_category) < 0.15


def test_constant_and_missing_columns_are_associated_with_nothing() -> None:
    generator = np.random.default_rng(2)
    features = np.column_stack(
        [np.ones(50), np.full(50, np.nan), generator.normal(size=50), generator.integers(3, size=50)]
    )
    assert associated_pairs(features.astype(np.float32), [False, False, False, True], 0.9) == []
    assert associated_pairs(features[:2].astype(np.float32), [False] * 4, 0.0) == []
