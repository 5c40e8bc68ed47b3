from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.upload_files import arrays, npz
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats import NPZ, feature_writer
from workers.data.formats import npz as npz_module
from workers.data.sources import Contents

GENERATOR = np.random.default_rng(0)
LABELS = np.array([2, 0, 1, 0, 2, 1])


def read(folder: Path, content: bytes) -> Contents:
    (folder / "file").write_bytes(content)
    return NPZ().read(folder)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "<i2", ">i4", "i8", "u8", "f2", "<f4", ">f4", "f8", "g"])
def test_numbers_of_every_type_are_read(tmp_path: Path, dtype: str, order: Any, compressed: bool) -> None:
    features = np.asarray(GENERATOR.normal(0, 30, (6, 5)).astype(dtype), order=order)
    dataset = read(tmp_path, npz(compressed=compressed, x=features, y=LABELS)).dataset
    assert np.array_equal(dataset.features, features.astype(np.float32))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.classes == ("0", "1", "2")


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("size", [(5,), (4, 3), (4, 3, 2)])
def test_rows_stay_rows_whatever_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, ...], order: Any, chunk: int
) -> None:
    monkeypatch.setattr(npz_module, "CHUNK_VALUES", chunk)
    monkeypatch.setattr(npz_module, "COPY_BYTES", 4)
    features = np.asarray(GENERATOR.normal(size=(6, *size)).astype(np.float32), order=order)
    dataset = read(tmp_path, npz(features=features, labels=LABELS)).dataset
    assert np.array_equal(dataset.features, features.reshape(6, -1))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.shape == (None if len(size) == 1 else (*size, 1)[:3])


@pytest.mark.parametrize("names", npz_module.LAYOUTS, ids=lambda names: names[0])
def test_the_official_test_part_is_read_with_the_classes_of_the_other(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    given = (np.eye(3), np.array(["cat", "dog", "eel"]), np.ones((2, 3)), np.array([["eel"], ["dog"]]))
    dataset, official_test = read(tmp_path, npz(**_named_arrays(names, given)))
    assert official_test is not None
    assert dataset.classes == official_test.classes == ("cat", "dog", "eel")
    assert official_test.labels.tolist() == [2, 1]
    assert read(tmp_path, npz(**_named_arrays(names[:2], given[:2]))).official_test is None


@pytest.mark.parametrize(
    ("test", "labels", "says"),
    [
        (np.ones((2, 4)), [0, 1], r"x_test has rows of the shape \(4,\); those of x are \(3,\)"),
        (np.ones((2, 3)), [0, 7], "y_test has labels that y has not: '7'"),
        (np.ones((2, 3)), [0], "y_test has 1 labels for 2 rows"),
    ],
)
def test_the_official_test_part_fits_the_other(
    tmp_path: Path, test: Any, labels: list[int], says: str
) -> None:
    content = npz(x=np.eye(3), y=np.arange(3), x_test=test, y_test=np.array(labels))
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, content)


def test_an_array_beyond_the_limit_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_writer, "MOST_BYTES", 23)
    with pytest.raises(FileTooLarge, match=r"mine\.npz: x holds 6 values or more; at most 23 bytes"):
        read(_named(tmp_path), npz(x=np.zeros((2, 3)), y=np.arange(2)))
    read(_named(tmp_path), npz(x=np.zeros((2, 3), np.uint8), y=np.arange(2)))


def test_nothing_in_a_header_is_ever_evaluated(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (open('run', 'w'), 1), }\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(MalformedFile, match="declares no plain array"):
        read(tmp_path, arrays(content))
    assert not Path("run").exists()


def _named_arrays(names: Sequence[str], given: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, given, strict=True))


def _named(folder: Path) -> Path:
    named = folder / "mine"
    named.mkdir(exist_ok=True)
    for file in named.iterdir():
        file.unlink()
    return named
