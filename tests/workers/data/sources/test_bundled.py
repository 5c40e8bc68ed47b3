from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workers.data.sources import BUNDLED
from workers.data.sources.bundled import FILE, Bundled

CLASSIFICATIONS: list[Any] = [name for name in BUNDLED if name not in ("diabetes", "penguins")]
CLASSES: dict[str, tuple[str, ...]] = {
    "digits": tuple("0123456789"),
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("cultivar 1", "cultivar 2", "cultivar 3"),
    "breast_cancer": ("malignant", "benign"),
}


@pytest.mark.parametrize("name", CLASSIFICATIONS)
def test_bundled_data_is_that_of_scikit_learn(name: Any) -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is the oracle")
    expected = getattr(datasets, f"load_{name}")()
    dataset = Bundled(name=name).read(Path()).dataset
    assert np.array_equal(dataset.features, expected.data.astype(np.float32))
    assert np.array_equal(dataset.labels, expected.target)
    assert len(dataset.classes) == len(expected.target_names)


@pytest.mark.parametrize("name", CLASSIFICATIONS)
def test_bundled_data_is_typed_and_named(name: Any) -> None:
    dataset = Bundled(name=name).read(Path()).dataset
    assert dataset.name == name
    assert dataset.classes == CLASSES[name]
    assert dataset.labels.dtype == np.int64
    assert dataset.features.dtype == (np.uint8 if name == "digits" else np.float32)
    assert dataset.shape == ((8, 8, 1) if name == "digits" else None)


def test_the_bundled_regression_is_that_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is the oracle")
    expected = datasets.load_diabetes(scaled=False)
    dataset = Bundled(name="diabetes").read(Path()).dataset
    assert np.array_equal(dataset.features, expected.data.astype(np.float32))
    assert dataset.targets is not None
    assert np.array_equal(dataset.targets, expected.target)
    assert dataset.columns is not None
    names = [column.name for column in dataset.columns]  # those of the serum are spelt out in its description
    assert names[:4] == expected.feature_names[:4]
    assert len(dataset.classes) == 10
    assert dataset.features.dtype == np.float32


def test_the_bundled_mixed_table_has_categories_and_missing_values() -> None:
    dataset = Bundled(name="penguins").read(Path()).dataset
    assert dataset.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert dataset.counts.tolist() == [152, 68, 124]
    assert dataset.columns is not None
    assert [(column.name, column.kind) for column in dataset.columns] == [
        ("island", "category"),
        ("bill_length_mm", "number"),
        ("bill_depth_mm", "number"),
        ("flipper_length_mm", "number"),
        ("body_mass_g", "number"),
        ("sex", "category"),
        ("year", "number"),
    ]
    assert dataset.columns[5].levels == ("female", "male")
    assert np.isnan(dataset.features).sum(axis=0).tolist() == [0, 2, 2, 2, 2, 11, 0]


def test_the_file_is_what_its_script_makes() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is the origin")
    pytest.importorskip("palmerpenguins", reason="palmerpenguins is the origin of one data set")
    from tools.make_bundled import bundled

    made = bundled()
    with np.load(FILE, allow_pickle=False) as stored:
        assert sorted(stored) == sorted(made)
        for key in made:
            np.testing.assert_array_equal(stored[key], made[key], strict=True)
        assert all(stored[key].dtype == made[key].dtype for key in made)
