from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.upload_files import LABELS as STORED_LABELS
from tests.upload_files import NUMBERS, arrays, npz, zipped
from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats import NPZ, feature_writer, npz_arrays
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
    monkeypatch.setattr(npz_arrays, "CHUNK_BYTES", 4)
    features = np.asarray(GENERATOR.normal(size=(6, *size)).astype(np.float32), order=order)
    dataset = read(tmp_path, npz(features=features, labels=LABELS)).dataset
    assert np.array_equal(dataset.features, features.reshape(6, -1))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.shape == (None if len(size) == 1 else (*size, 1)[:3])


LAYOUTS = (
    ("features", "labels", "test_features", "test_labels"),
    ("x", "y", "x_test", "y_test"),
    ("X", "y", "X_test", "y_test"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "Y_train", "X_test", "Y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels", "testImages", "testLabels"),
    ("data", "target", "test-data", "test-target"),
)


@pytest.mark.parametrize("names", LAYOUTS, ids=lambda names: names[0])
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


def test_validation_arrays_are_rows_after_those_for_training(tmp_path: Path) -> None:
    """The layout of MedMNIST."""
    images = GENERATOR.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = np.arange(60)[:, None] % 3
    parts = {"train": slice(40), "val": slice(40, 50), "test": slice(50, 60)}
    given: dict[str, Any] = {f"{part}_images": images[rows] for part, rows in parts.items()}
    given |= {f"{part}_labels": labels[rows] for part, rows in parts.items()}
    dataset, official_test = read(tmp_path, npz(**given))
    assert official_test is not None
    assert np.array_equal(dataset.features, images[:50].reshape(50, -1))
    assert dataset.labels.tolist() == labels[:50, 0].tolist()
    assert np.array_equal(official_test.features, images[50:].reshape(10, -1))


@pytest.mark.parametrize(
    ("labels", "classes", "codes"),
    [
        (np.array([2.0, 0.0, 1.0, 0.0, 2.0, 1.0]), ("0", "1", "2"), [2, 0, 1, 0, 2, 1]),
        (np.array([b"b", b"a", b"b", b"a", b"b", b"a"]), ("a", "b"), [1, 0] * 3),
        (np.array(["ü".encode(), b"a"] * 3), ("a", "ü"), [1, 0] * 3),
        (np.array([[1], [3]] * 3, np.uint8), ("1", "3"), [0, 1] * 3),
    ],
)
def test_labels_may_be_whole_floats_and_bytes(
    tmp_path: Path, labels: Any, classes: tuple[str, ...], codes: list[int]
) -> None:
    dataset = read(tmp_path, npz(x=np.eye(6), y=labels)).dataset
    assert dataset.classes == classes
    assert dataset.labels.tolist() == codes


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.array([0, 1.5, 2, 0, 1, 2]), r"y\[1\] is 1.5; labels are whole numbers"),
        (np.array([0, 1, np.nan, 0, 1, 2]), r"y\[2\] is nan"),
        (np.array([b"a", b"\xff"] * 3), r"y\[1\] is b'\\xff', which is not UTF-8"),
        (np.eye(6, dtype=int), r"the shape \(6, 6\).* of one-hot rows, save y.argmax\(axis=1\)"),
        (np.array(["a", "b"] * 3, object), r"holds Python objects.*save y.astype\(str\)"),
    ],
)
def test_labels_that_are_none_are_refused_with_a_remedy(tmp_path: Path, labels: Any, says: str) -> None:
    with pytest.raises(MalformedFile, match=says):
        read(tmp_path, npz(x=np.eye(6), y=labels))


@pytest.mark.parametrize(
    ("size", "channels", "is_first"),
    [
        ((1, 28, 28), None, True),
        ((3, 8, 8), None, True),
        ((8, 8, 3), None, False),
        ((3, 4, 3), None, False),
        ((3, 4, 3), "first", True),
        ((3, 8, 8), "last", False),
    ],
)
def test_channels_may_come_first(
    tmp_path: Path, size: tuple[int, ...], channels: Any, is_first: bool
) -> None:
    images = GENERATOR.integers(0, 256, (6, *size), dtype=np.uint8)
    (tmp_path / "file").write_bytes(npz(x=images, y=LABELS))
    dataset = NPZ(channels=channels).read(tmp_path).dataset
    right = images.transpose(0, 2, 3, 1) if is_first else images
    assert dataset.shape == right.shape[1:]
    assert np.array_equal(dataset.features, right.reshape(6, -1))


def test_a_value_is_named_where_the_array_has_it(tmp_path: Path) -> None:
    images = np.zeros((6, 3, 8, 9), np.float32)
    images[4, 2, 7, 1] = np.nan
    with pytest.raises(MalformedFile, match=r"x\[4, 2, 7, 1\] is nan"):
        read(tmp_path, npz(x=images, y=LABELS))


def test_fields_name_arrays_with_any_name(tmp_path: Path) -> None:
    content = npz(arr_0=np.eye(6), arr_1=LABELS, weights=np.ones(6), more=np.ones((2, 6)), of_more=LABELS[:2])
    with pytest.raises(MalformedFile, match="name them with the form fields x and y"):
        read(tmp_path, content)
    assert len(NPZ(x="arr_0", y="arr_1").read(tmp_path).dataset) == 6
    test = NPZ(x="arr_0", y="arr_1", x_test="more", y_test="of_more").read(tmp_path).official_test
    assert test is not None
    assert test.labels.tolist() == LABELS[:2].tolist()
    for fields, says in (
        ({"x": "arr_0"}, "needs the form field y too"),
        ({"x": "arr_0", "y": "arr_1", "x_test": "more"}, "half an official test part"),
        ({"x": "arr_0", "y": "arr_9"}, "has no array 'arr_9'; it holds 'arr_0', 'arr_1'"),
    ):
        with pytest.raises(MalformedFile, match=says):
            NPZ(**fields).read(tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [("../../x", "y"), ("/x", "y"), ("x", "y", "X", "z"), ("x.y", "y")])
def test_no_name_is_a_path_or_has_two_meanings(tmp_path: Path, names: tuple[str, ...]) -> None:
    arrays_by_name: dict[str, Any] = dict.fromkeys(names, np.eye(2))
    with pytest.raises(MalformedFile, match="holds"):
        read(tmp_path, npz(**arrays_by_name))


def test_a_member_that_is_named_by_its_path_is_written_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    content = zipped({"../x.npy": NUMBERS, "y.npy": STORED_LABELS})
    (folder / "file").write_bytes(content)
    assert len(NPZ(x="../x", y="y").read(folder).dataset) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def _named_arrays(names: Sequence[str], given: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, given, strict=True))


def _named(folder: Path) -> Path:
    named = folder / "mine"
    named.mkdir(exist_ok=True)
    for file in named.iterdir():
        file.unlink()
    return named
