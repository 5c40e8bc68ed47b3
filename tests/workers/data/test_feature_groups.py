"""The features of a data set by name: columns, regions of images, or numbers."""

import numpy as np

from tests.workers.data.preprocessing.mixed_tables import mixed_table
from workers.data.dataset import Dataset
from workers.data.feature_groups import feature_groups
from workers.nn.arrays import Shape


def images(shape: Shape | None, width: int) -> Dataset:
    return Dataset("images", np.zeros((2, width), np.uint8), np.arange(2), ("a", "b"), shape=shape)


def test_a_table_has_its_columns() -> None:
    groups = feature_groups(mixed_table(10))
    assert [(each.name, each.kind, each.features) for each in groups[2:4]] == [
        ("married", "boolean", (2,)),
        ("city", "category", (3,)),
    ]


def test_regions_divide_an_image_with_all_channels() -> None:
    groups = feature_groups(images((28, 20, 3), 28 * 20 * 3))
    assert len(groups) == 64
    assert sorted(index for each in groups for index in each.features) == list(range(28 * 20 * 3))
    assert groups[1].name == "rows 0-2, columns 2-4"
    assert {
        3 * (row * 20 + column) + channel for row in range(3) for column in (2, 3, 4) for channel in range(3)
    } == {*groups[1].features}
    assert feature_groups(images((8, 8, 1), 64))[9].name == "row 1, column 1"


def test_features_without_names_have_numbers() -> None:
    assert [each.name for each in feature_groups(images(None, 2))] == ["feature 0", "feature 1"]
