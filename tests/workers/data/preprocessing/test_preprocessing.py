"""The preprocessing of tables, against scikit-learn's ColumnTransformer, and at its edges."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.workers.data.preprocessing.mixed_tables import COLUMNS, mixed_table
from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.preprocessing import Encoder, Preprocessing
from workers.data.scaling import GlobalStandard, MinMax, NoScaling, Robust, Standard, Unit

TRAINING, OTHER = mixed_table(), mixed_table(300, seed=1, missing=0.3)


def as_float64(dataset: Dataset) -> Any:
    return np.asarray(dataset.features, np.float64)


def table(columns: tuple[Column, ...], *values: Sequence[float]) -> Dataset:
    features = np.array(values, np.float32).T.copy()
    return Dataset("t", features, np.zeros(len(features), np.int64), ("a",), columns=columns)


def encode(fitted: Any, *rows: list[float]) -> Any:
    return fitted(np.array(rows, np.float32)).tolist()


@pytest.mark.usefixtures("every_kernel_set")
@pytest.mark.parametrize("impute", ["median", "mean"])
@pytest.mark.parametrize("min_count", [1, 5, 40])
def test_equals_a_column_transformer_of_scikit_learn(
    impute: Literal["median", "mean"], min_count: int
) -> None:
    number = make_pipeline(
        SimpleImputer(strategy=impute, add_indicator=True),
        ColumnTransformer([("x", StandardScaler(), [0])], remainder="passthrough"),
    )
    date = make_pipeline(SimpleImputer(strategy=impute, add_indicator=True), StandardScaler())
    levels = OneHotEncoder(min_frequency=min_count, handle_unknown="ignore", sparse_output=False)
    boolean = SimpleImputer(strategy="most_frequent", add_indicator=True)
    oracle = ColumnTransformer(
        [
            *(("age", number, [0]), ("income", number, [1]), ("married", boolean, [2])),
            *(("city", levels, [3]), ("since", date, [4]), ("colour", levels, [5])),
        ]
    ).fit(as_float64(TRAINING))
    preprocessing = Preprocessing(impute=impute, min_count=min_count)
    fitted = preprocessing.fit(TRAINING, Standard())
    for part in (TRAINING, OTHER):
        expected = oracle.transform(as_float64(part))
        assert expected.shape[1] == fitted.width == preprocessing.width(TRAINING, np.arange(len(TRAINING)))
        np.testing.assert_allclose(fitted.in_double(part.features), expected, atol=2e-6)
        np.testing.assert_allclose(fitted(part.features), expected, atol=2e-5)


def test_levels_that_training_has_not_are_unknown_and_rare_ones_share_an_element() -> None:
    training = table((Column("c", "category", ("a", "b", "c", "d")),), [0, 0, 0, 1, 2, np.nan, np.nan])
    fitted = Preprocessing(min_count=2).fit(training, Standard())
    known = encode(fitted, [0], [1], [2], [np.nan], [3], [-1], [99])
    assert known == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_a_missing_value_that_training_never_lacked_has_no_indicator() -> None:
    columns = (Column("x"), Column("y"))
    training = table(columns, [1, 2, 6], [1, np.nan, 3])
    fitted = Preprocessing().fit(training, NoScaling())
    assert encode(fitted, [np.nan, np.nan], [5, 4]) == [[2, 2, 1], [5, 4, 0]]
    constant = Preprocessing(impute="constant", constant=7, indicator=False).fit(training, NoScaling())
    assert encode(constant, [np.nan, np.nan]) == [[7, 7]]


def test_a_constant_is_in_the_units_of_the_original_values() -> None:
    training = replace(table((Column("x"),), [-1, np.nan, 1]), offset=np.array([1000.0]))
    fitted = Preprocessing(impute="constant", constant=1002, indicator=False).fit(training, NoScaling())
    assert encode(fitted, [np.nan]) == [[2]]


def test_what_is_constant_in_training_becomes_zero() -> None:
    columns = (Column("x"), Column("c", "category", ("a", "b")), Column("b", "boolean", ("n", "y")))
    training = table((*columns, Column("none")), [3, 3], [0, 0], [1, 1], [np.nan, np.nan])
    fitted = Preprocessing(min_count=1).fit(training, Standard())
    assert encode(fitted, [9, 0, 1, 5], [3, 1, 0, np.nan]) == [[0.0] * 5] * 2


@pytest.mark.parametrize("scaling", [Standard(), MinMax(), Robust(), Unit(), NoScaling(), GlobalStandard()])
def test_every_scaling_scales_the_imputed_numbers(scaling: Any) -> None:
    numbers = [0, 1, 4]
    imputed = SimpleImputer(strategy="median").fit_transform(as_float64(TRAINING)[:, numbers])
    plain = Dataset("p", imputed.astype(np.float32, order="C"), TRAINING.labels, TRAINING.classes)
    fitted = Preprocessing().fit(TRAINING, scaling)
    assert isinstance(fitted, Encoder)
    starts = fitted.layout.starts[numbers]
    expected = scaling.fit(plain)(plain.features)
    np.testing.assert_allclose(fitted(TRAINING.features)[:, starts], expected, rtol=1e-5, atol=1e-6)


def test_frequencies_replace_the_levels_of_a_category_with_many() -> None:
    training = table((Column("c", "category", ("a", "b", "c")),), [0, 0, 1, np.nan])
    fitted = Preprocessing(most_levels=1).fit(training, NoScaling())
    assert encode(fitted, [0], [1], [np.nan], [2], [-1]) == [[0.5], [0.25], [0.25], [0], [0]]
    standardised = Preprocessing(categories="frequency").fit(training, Standard())(training.features)
    assert abs(standardised.mean()) < 1e-6
    assert abs(standardised.std() - 1) < 1e-6


def test_a_hash_of_its_text_puts_a_level_into_a_bucket_whatever_its_code() -> None:
    levels = tuple(f"level {i}" for i in range(50))
    codes = np.arange(50).tolist()
    hashing = Preprocessing(categories="hashing", buckets=8)
    one = hashing.fit(table((Column("c", "category", levels),), codes), Standard())
    other = hashing.fit(table((Column("c", "category", levels[::-1]),), codes), Standard())
    encoded = one(np.array([codes], np.float32).T.copy())
    np.testing.assert_array_equal(encoded, other(np.array([codes[::-1]], np.float32).T.copy()))
    assert encoded.shape == (50, 8)
    np.testing.assert_array_equal(encoded.sum(axis=1), 1)


def test_numbers_without_a_gap_are_scaled_as_ever() -> None:
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    plain = Dataset("p", features, np.zeros(50, np.int64), ("a",))
    named = replace(plain, columns=(Column("x"), Column("y"), Column("z", "date")))
    for dataset in (plain, named):
        fitted = Preprocessing().fit(dataset, Standard())
        assert type(fitted) is type(Standard().fit(plain))
        np.testing.assert_array_equal(fitted(features), Standard().fit(plain)(features))


def test_nothing_is_learnt_from_other_rows() -> None:
    assert [column.name for column in COLUMNS] == ["age", "income", "married", "city", "since", "colour"]
    alone = Preprocessing().fit(TRAINING, Standard())(OTHER.features[:10].copy())
    together = Preprocessing().fit(TRAINING, Standard())(OTHER.features)
    np.testing.assert_array_equal(alone, together[:10])
