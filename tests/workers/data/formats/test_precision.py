"""Values that single precision cannot hold: an offset keeps them distinct, or they are refused; none merge."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.data.dataset import Dataset
from workers.data.dataset_files import open_dataset, save_dataset
from workers.data.errors import MalformedFile
from workers.data.formats.csv import CSV
from workers.data.formats.npz import NPZ
from workers.data.sources.source import Contents

ROWS = 120
STEPS = np.arange(ROWS) % 60
STORABLE: dict[str, NDArray[Any]] = {
    "Unix seconds": 1_700_000_000 + STEPS,
    "Unix milliseconds": 1_700_000_000_000 + STEPS,
    "Julian dates": 2_459_000.5 + STEPS * 0.002,
    "UTM metres": 5_412_345.25 + STEPS * 0.125,
    "identifiers above 2^24": 2.0**24 + STEPS,
    "a small difference from 1": 1 + STEPS * 1e-9,
}
PLAIN: dict[str, NDArray[Any]] = {
    "decimals": np.random.default_rng(0).normal(size=ROWS).round(3),
    "all digits": np.random.default_rng(0).normal(size=ROWS),
    "a wide range": 10.0 ** np.linspace(-20, 30, ROWS),
    "a constant": np.full(ROWS, 0.1),
    "years of seconds": 1.6e9 + np.arange(ROWS) * 1e6,
}
REFUSED: dict[str, NDArray[Any]] = {
    "two distant clusters": np.where(STEPS % 2, 0, 1.7e9) + STEPS,
    "values near 1e-40": 1e-40 * (1 + STEPS),
    "values near 1e-60": 1e-60 * (1 + STEPS),
}


def read_csv(folder: Path, values: NDArray[Any]) -> Contents:
    folder.mkdir()
    with (folder / "file").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["plain", "value", "label"])
        table.writerows([row / 2, repr(float(value)), "ab"[row % 2]] for row, value in enumerate(values))
    return CSV().read(folder)


def read_npz(folder: Path, values: NDArray[Any], **more: Any) -> Contents:
    folder.mkdir()
    plain = np.arange(len(values)) / 2
    with (folder / "file").open("wb") as file:
        x, y = np.stack([plain, values], axis=1), np.arange(len(values)) % 2
        np.savez(file, x=x, y=y, **more)
    return NPZ().read(folder)


@pytest.mark.parametrize("read", [read_csv, read_npz])
@pytest.mark.parametrize("values", STORABLE.values(), ids=list(STORABLE))
def test_distinct_values_stay_distinct_by_an_offset(read: Any, values: NDArray[Any], tmp_path: Path) -> None:
    dataset: Dataset = read(tmp_path / "mine", values).dataset
    assert dataset.features.dtype == np.float32
    assert dataset.offset is not None
    assert dataset.offset[0] == 0
    assert dataset.offset[1] in values
    assert len(np.unique(dataset.features[:, 1])) == len(np.unique(values))
    restored = dataset.features.astype(np.float64) + dataset.offset
    np.testing.assert_allclose(restored[:, 1], values, rtol=0, atol=np.ptp(values) * 1e-7)


@pytest.mark.parametrize("read", [read_csv, read_npz])
@pytest.mark.parametrize("values", PLAIN.values(), ids=list(PLAIN))
def test_features_that_need_no_offset_have_the_same_bytes_and_hash_as_before(
    read: Any, values: NDArray[Any], tmp_path: Path
) -> None:
    dataset: Dataset = read(tmp_path / "mine", values).dataset
    assert dataset.offset is None
    features = np.stack([np.arange(ROWS) / 2, values], axis=1).astype(np.float32)
    assert dataset.features.tobytes() == features.tobytes()
    same = Dataset("other", features, dataset.labels, dataset.classes)
    assert dataset.sha256 == same.sha256


@pytest.mark.parametrize(("read", "place"), [(read_csv, "column 'value'"), (read_npz, "x[:, 1]")])
@pytest.mark.parametrize("values", REFUSED.values(), ids=list(REFUSED))
def test_a_column_that_would_still_merge_is_refused_by_name(
    read: Any, place: str, values: NDArray[Any], tmp_path: Path
) -> None:
    with pytest.raises(MalformedFile) as refused:
        read(tmp_path / "mine", values)
    assert place in refused.value.file


def test_an_official_test_part_has_the_offset_of_the_data_set(tmp_path: Path) -> None:
    values = STORABLE["Unix seconds"]
    x_test = np.array([[1.0, 1_700_000_100], [2.0, 1_700_000_101]])
    dataset, test = read_npz(tmp_path / "mine", values, x_test=x_test, y_test=np.array([0, 1]))
    assert test is not None
    assert dataset.offset is not None
    np.testing.assert_array_equal(test.offset, dataset.offset)
    np.testing.assert_array_equal(test.features, x_test - dataset.offset)


def test_the_offset_is_part_of_the_content_and_survives_storage(tmp_path: Path) -> None:
    first = read_csv(tmp_path / "first", STORABLE["Unix seconds"]).dataset
    later = read_csv(tmp_path / "later", STORABLE["Unix seconds"] + 3600).dataset
    np.testing.assert_array_equal(first.features, later.features)
    assert first.sha256 != later.sha256
    save_dataset(first, tmp_path / "saved")
    opened = open_dataset(tmp_path / "saved")
    assert opened.sha256 == first.sha256
    assert opened.take(np.array([1])).offset is opened.offset


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_exact_types_are_stored_as_they_are(kind: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    x = (np.random.default_rng(0).uniform(0, 250, size=(20, 3))).astype(kind)
    with (folder / "file").open("wb") as file:
        np.savez(file, x=x, y=np.arange(20) % 2)
    dataset = NPZ().read(folder).dataset
    assert dataset.offset is None
    assert dataset.features.dtype == kind
    np.testing.assert_array_equal(dataset.features, x)
