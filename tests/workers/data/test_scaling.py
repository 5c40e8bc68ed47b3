import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter

from workers.data import feature_statistics
from workers.data.dataset import Dataset, Features
from workers.data.dataset_files import open_dataset, save_dataset
from workers.data.scaling import (
    AnyScaling,
    Auto,
    GlobalStandard,
    MinMax,
    NoScaling,
    Robust,
    Scaling,
    Standard,
    Unit,
)
from workers.nn.arrays import Shape
from workers.tagged_union import members, name_of

pytestmark = pytest.mark.usefixtures("every_kernel_set")

SCALINGS = members(AnyScaling)


def part(features: Features) -> Dataset:
    return Dataset("part", features, np.zeros(len(features), np.int64), ("a",))


def pixels(rows: int = 300) -> NDArray[np.uint8]:
    features = np.random.default_rng(0).integers(0, 256, size=(rows, 9), dtype=np.uint8)
    features[:, 4] = 200
    return features


def table(rows: int = 300) -> NDArray[np.float32]:
    stream = np.random.default_rng(1)
    features = stream.normal(stream.normal(0, 50, 9), stream.uniform(0.01, 30, 9), (rows, 9)).astype(
        np.float32
    )
    features[:, 4] = 0.1
    return features


@pytest.mark.parametrize("cls", SCALINGS)
@pytest.mark.parametrize("features", [pixels(), table()], ids=["uint8", "float32"])
class TestEveryScaling:
    @pytest.mark.sampled(14)
    def test_it_is_affine_in_float32_with_one_number_a_feature(
        self, cls: type[Scaling], features: Features
    ) -> None:
        scaler = cls().fit(part(features))
        assert scaler.offset.shape == scaler.factor.shape == (9,)
        assert scaler.offset.dtype == scaler.factor.dtype == np.float32
        scaled = scaler(features)
        assert scaled.dtype == np.float32
        expected = (features.astype(np.float64) - scaler.offset) * scaler.factor
        assert scaled == pytest.approx(expected, rel=1e-5, abs=1e-5)

    @pytest.mark.sampled(14)
    def test_it_writes_in_the_precision_of_its_output(self, cls: type[Scaling], features: Features) -> None:
        scaler = cls().fit(part(features))
        out = np.empty(features.shape)
        assert scaler.into(features, out) is out
        expected = (features.astype(np.float64) - scaler.offset) * scaler.factor
        assert out == pytest.approx(expected, rel=1e-13, abs=1e-13)

    def test_a_constant_feature_is_never_stretched(self, cls: type[Scaling], features: Features) -> None:
        scaler = cls().fit(part(features))
        assert np.isfinite(scaler(features)).all()
        assert scaler.factor[4] == 0
        assert (scaler.factor > 0).sum() == 8

    def test_a_feature_that_is_constant_in_training_counts_nowhere(
        self, cls: type[Scaling], features: Features
    ) -> None:
        scaler, other = cls().fit(part(features)), features.copy()
        other[:, 4] = 3
        np.testing.assert_array_equal(scaler(other), scaler(features))

    def test_chunks_make_no_difference(
        self, cls: type[Scaling], features: Features, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = cls().fit(part(features))
        monkeypatch.setattr(feature_statistics, "CHUNK_BYTES", 7 * 8 * 9)
        chunked = cls().fit(part(features))
        assert chunked.offset == pytest.approx(whole.offset, rel=1e-6)
        assert chunked.factor == pytest.approx(whole.factor, rel=1e-6)

    def test_one_row_is_enough(self, cls: type[Scaling], features: Features) -> None:
        assert np.isfinite(cls().fit(part(features[:1]))(features)).all()


@pytest.mark.parametrize("features", [pixels(), table()], ids=["uint8", "float32"])
@pytest.mark.parametrize(
    ("cls", "oracle"),
    [(Standard, "StandardScaler"), (MinMax, "MinMaxScaler"), (Robust, "RobustScaler")],
)
def test_scaled_features_are_those_of_scikit_learn(
    cls: type[Scaling], oracle: str, features: Features
) -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing", reason="scikit-learn is the oracle")
    expected = getattr(preprocessing, oracle)().fit_transform(features.astype(np.float64))
    expected[:, 4] = 0  # constant: what scikit-learn leaves of it is a rounding error
    assert cls().fit(part(features))(features) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("features", [pixels(), table()], ids=["uint8", "float32"])
def test_one_mean_and_deviation_over_all_features(features: Features) -> None:
    features = features[:, np.arange(9) != 4].copy(order="C")  # without the constant one
    scaled = GlobalStandard().fit(part(features))(features).astype(np.float64)
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-5)
    order = np.argsort(features, axis=None)
    assert (np.diff(scaled.ravel()[order]) >= 0).all()


def test_without_scaling_features_do_not_change() -> None:
    expected = pixels()
    expected[:, 4] = 0  # constant in training
    assert np.array_equal(NoScaling().fit(part(pixels()))(pixels()), expected)


def test_bytes_are_scaled_to_the_unit_interval_by_255() -> None:
    scaler = Unit().fit(part(pixels()))
    varying = [0, 1, 2, 3, 5, 6, 7, 8]
    np.testing.assert_allclose(scaler(pixels())[:, varying], pixels()[:, varying] / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("features", "shape", "chosen"),
    [
        (pixels(), (3, 3, 1), Unit()),
        (pixels() // 16, (3, 3, 1), GlobalStandard()),
        (pixels(), None, Standard()),
        (table(), (3, 3, 1), GlobalStandard()),
        (table(), None, Standard()),
    ],
)
def test_the_default_is_chosen_by_the_data(features: Features, shape: Shape | None, chosen: Scaling) -> None:
    dataset = replace(part(features), shape=shape)
    assert Auto().resolved(dataset) == chosen
    assert chosen.resolved(dataset) == chosen
    np.testing.assert_array_equal(Auto().fit(dataset)(features), chosen.fit(dataset)(features))


def test_quartiles_of_zero_distance_give_way_to_the_standard_deviation() -> None:
    features = np.zeros((100, 1), np.float32)
    features[:10] = 5
    scaler = Robust().fit(part(features))
    assert scaler.offset[0] == 0
    assert 1 / scaler.factor[0] == pytest.approx(features.std(), rel=1e-6)


@pytest.mark.parametrize("cls", SCALINGS)
def test_the_smallest_spread_of_single_precision_does_not_overflow(cls: type[Scaling]) -> None:
    features = np.array([[0.0], [1e-45], [3e-45]], np.float32)
    scaler = cls().fit(part(features))
    assert np.isfinite(scaler.factor).all()
    assert np.isfinite(scaler(features)).all()


def test_a_small_deviation_beside_a_large_mean_is_measured() -> None:
    features = (1e4 + np.random.default_rng(0).normal(size=(5000, 2))).astype(np.float32)
    scaler = Standard().fit(part(features))
    assert 1 / scaler.factor == pytest.approx(features.astype(np.float64).std(axis=0), rel=1e-6)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("cls", SCALINGS)
def test_fitting_a_mapped_part_costs_little_memory(cls: type[Scaling], tmp_path: Path) -> None:
    features = np.random.default_rng(0).integers(0, 256, size=(60_000, 784), dtype=np.uint8)
    save_dataset(part(features), tmp_path / "part")
    mapped = open_dataset(tmp_path / "part")
    tracemalloc.start()
    try:
        cls().fit(mapped)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * feature_statistics.CHUNK_BYTES


@pytest.mark.parametrize("cls", SCALINGS)
def test_a_spec_gives_a_scaling_by_its_name(cls: type[Scaling]) -> None:
    assert TypeAdapter(AnyScaling).validate_python(name_of(cls)) == cls()
