from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy.stats import norm

from workers.data.dataset import Dataset
from workers.data.sources.synthetic import Synthetic

SPEC = TypeAdapter(Synthetic)


def generate(source: Synthetic) -> Dataset:
    return source.read(Path()).dataset


def class_means(dataset: Dataset) -> NDArray[np.float64]:
    return np.array([dataset.features[dataset.labels == k].mean(axis=0) for k in range(len(dataset.classes))])


def distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    every: NDArray[np.float64] = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
    return every[np.triu_indices(len(points), 1)]


def test_the_default_has_the_announced_rows_and_type() -> None:
    dataset = generate(Synthetic())
    assert dataset.counts.tolist() == [1800, 200]
    assert dataset.features.dtype == np.float32
    assert dataset.features.shape == (2000, 20)


def test_the_same_fields_give_the_same_data_and_another_seed_other_data() -> None:
    assert generate(Synthetic(seed=4)).sha256 == generate(Synthetic(seed=4)).sha256
    assert generate(Synthetic(seed=4)).sha256 != generate(Synthetic(seed=5)).sha256


def test_means_are_a_separation_apart_while_there_are_no_more_classes_than_features() -> None:
    means = class_means(generate(Synthetic(counts=(40_000,) * 4, features=4, separation=3.0)))
    assert distances(means) == pytest.approx(3.0, abs=0.05)


def test_further_classes_lie_opposite_and_then_in_corners() -> None:
    means = class_means(generate(Synthetic(counts=(20_000,) * 8, features=3, separation=6.0)))
    assert np.linalg.norm(means, axis=1) == pytest.approx(6 / sqrt(2), abs=0.1)
    assert (means[:3] + means[3:6]) == pytest.approx(0, abs=0.1)
    assert np.abs(means[6:]) == pytest.approx(6 / sqrt(6), abs=0.1)


def test_noise_is_standard_normal_in_every_feature() -> None:
    dataset = generate(Synthetic(counts=(20_000, 20_000), features=3))
    noise = dataset.features - class_means(dataset)[dataset.labels]
    assert np.cov(noise.T) == pytest.approx(np.eye(3), abs=0.03)


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.5])
def test_the_best_accuracy_of_two_classes_is_the_normal_integral(separation: float) -> None:
    # The nearest true mean is the optimal rule; means from one half are close enough to the true ones.
    n = 40_000
    dataset = generate(Synthetic(counts=(2 * n, 2 * n), features=2, separation=separation))
    fitted, judged = dataset.take(np.arange(0, 4 * n, 2)), dataset.take(np.arange(1, 4 * n, 2))
    to_means = np.linalg.norm(judged.features[:, np.newaxis] - class_means(fitted), axis=-1)
    accuracy = (to_means.argmin(axis=1) == judged.labels).mean()
    assert accuracy == pytest.approx(norm.cdf(separation / 2), abs=4 * 0.5 / sqrt(2 * n))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"counts": [5]}, "at least 2 items"),
        ({"counts": [1] * 1001}, "at most 1000 items"),
        ({"counts": [5, 0]}, "greater than or equal to 1"),
        ({"features": 10_001}, "less than or equal to 10000"),
        ({"separation": -1}, "greater than or equal to 0"),
        ({"counts": [2_500_000, 1]}, "more than 50,000,000; with these features, at most 2,500,000 rows"),
    ],
)
def test_a_value_out_of_range_is_refused(spec: object, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SPEC.validate_python(spec)
    assert message in str(refused.value)
