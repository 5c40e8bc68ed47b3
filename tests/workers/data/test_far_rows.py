"""Rows far outside of training are counted while they are scaled."""

import numpy as np
import pytest

from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.far_rows import FarRows, FarRowsCounter, describe
from workers.data.preprocessing import Preprocessing
from workers.data.scaling import GlobalStandard, MinMax, NoScaling, Robust, Scaling, Standard, Unit


def pixels(far_value: int) -> tuple[Dataset, Dataset]:
    """Images of bytes as in MNIST: a pixel at the edge has ink in 1 of 2,000 training rows, and there faintly."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (2000, 4), dtype=np.uint8)
    images[:, 3] = 0
    images[7, 3] = 1
    validation = images[:300].copy()
    validation[7, 3] = 0
    validation[[5, 6], 3] = far_value, far_value // 2
    labels = np.zeros(2000, np.int64)
    names = ("0",)
    return Dataset("x", images, labels, names), Dataset("x", validation, labels[:300], names)


def far_rows(scaling: Scaling, training: Dataset, part: Dataset, chunk: int = 128) -> FarRows | None:
    counter = FarRowsCounter(scaling.fit(training))
    for start in range(0, len(part), chunk):
        features = part.features[start : start + chunk]
        counter.into(features, np.empty(features.shape, np.float32))
    return counter.found(scaling)


def test_pixels_scaled_one_by_one_reach_thousands_of_standard_deviations() -> None:
    found = far_rows(Standard(), *pixels(100))
    assert found is not None
    deviation = np.sqrt(1 / 2000 - 1 / 2000**2)
    assert (found.rows, found.feature_count, found.features) == (2, 1, [3])
    assert found.largest == pytest.approx([(100 - 1 / 2000) / deviation], rel=1e-5)


@pytest.mark.parametrize("scaling", [Unit(), GlobalStandard(), NoScaling()])
def test_pixels_on_one_scale_are_not_far(scaling: Scaling) -> None:
    assert far_rows(scaling, *pixels(100)) is None


@pytest.mark.parametrize("scaling", [Standard(), Robust(), MinMax()])
def test_the_largest_features_of_a_table_are_named_first(scaling: Scaling) -> None:
    generator = np.random.default_rng(1)
    table = generator.normal(size=(200, 8)).astype(np.float32)
    part = table[:50].copy()
    for feature in range(7):
        part[feature, feature] = -1000 * (feature + 1)
    labels, names = np.zeros(200, np.int64), ("0",)
    found = far_rows(scaling, Dataset("x", table, labels, names), Dataset("x", part, labels[:50], names))
    assert found is not None
    assert (found.rows, found.feature_count, len(found.features)) == (7, 7, 5)
    assert found.largest == sorted(found.largest, reverse=True)


def test_training_rows_are_near() -> None:
    training, _ = pixels(100)
    assert far_rows(Robust(), training, training.take(np.arange(8, 300))) is None


def test_a_far_cell_of_an_encoded_table_is_named_by_its_column() -> None:
    """The columns before it have several elements each, so the element's place is not the column's."""
    stream = np.random.default_rng(2)
    features = np.stack(
        [stream.integers(0, 3, 100), stream.normal(size=100), stream.normal(size=100)], axis=1
    )
    features[::7, 1] = np.nan
    columns = (Column("country", "category", ("DE", "FR", "PT")), Column("age"), Column("income"))
    training = Dataset("x", features.astype(np.float32), np.zeros(100, np.int64), ("0",), columns=columns)
    encoder = Preprocessing(min_count=1).fit(training, Standard())
    assert encoder.width > 4
    part = training.features[:10].copy()
    part[3, 2] = 4e4
    counter = FarRowsCounter(encoder)
    counter.into(part, np.empty((10, encoder.width), np.float32))
    found = counter.found(Standard(), columns)
    assert found is not None
    assert (found.rows, found.features, found.names) == (1, [2], ["income"])
    sentence, _ = describe(found, "1 validation row", "standard", None)
    assert "in 'income' (up to" in sentence
