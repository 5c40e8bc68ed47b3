import os
from pathlib import Path

import numpy as np
import pytest

from tests.workers.data.idx_files import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    idx_bytes,
    images_of,
    write_folder,
)
from workers.data.errors import MalformedFile, MissingFile
from workers.data.sources.folder import Folder, read_folder


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_is_read_row_by_row_with_its_official_test(tmp_path: Path, zipped: bool) -> None:
    folder = write_folder(tmp_path / "letters", [1, 0, 2, 1], [2, 1], zipped=zipped)
    dataset, official_test = read_folder(folder)
    assert dataset.name == "letters"
    assert dataset.shape == (4, 3, 1)
    assert np.array_equal(dataset.features, images_of([1, 0, 2, 1]).reshape(4, 12))
    assert dataset.labels.tolist() == [1, 0, 2, 1]
    assert official_test is not None
    assert official_test.labels.tolist() == [2, 1]
    assert official_test.classes == dataset.classes == ("0", "1", "2")


def test_a_folder_without_a_test_pair_has_no_official_test(tmp_path: Path) -> None:
    assert read_folder(write_folder(tmp_path, [0, 1])).official_test is None


def test_names_with_a_dot_are_read_too(tmp_path: Path) -> None:
    write_folder(tmp_path, [0, 1])
    for name in (TRAIN_IMAGES, TRAIN_LABELS):
        (tmp_path / name).rename(tmp_path / name.replace("-idx", ".idx"))
    assert len(read_folder(tmp_path).dataset) == 2


def test_classes_are_the_labels_that_occur(tmp_path: Path) -> None:
    dataset, official_test = read_folder(write_folder(tmp_path, [26, 1, 200, 26], [200]))
    assert dataset.classes == ("1", "26", "200")
    assert dataset.labels.tolist() == [1, 0, 2, 1]
    assert official_test is not None
    assert official_test.labels.tolist() == [2]


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "mine", [0, 1], [0])
    (folder / name).unlink()
    with pytest.raises(MissingFile, match=f"mine lacks {name}"):
        read_folder(folder)


def test_labels_must_be_as_many_as_images(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", [0, 1, 1])
    (folder / TRAIN_LABELS).write_bytes(idx_bytes(np.array([0, 1], np.uint8)))
    with pytest.raises(MalformedFile, match="mine/train-labels has 2 labels for 3 images"):
        read_folder(folder)


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match="has one class, 7; two are needed"):
        read_folder(write_folder(tmp_path, [7, 7]))


def test_the_official_test_may_hold_no_class_without_training_rows(tmp_path: Path) -> None:
    with pytest.raises(
        MalformedFile, match=r"t10k-labels has labels that train-labels does not have: \[3, 9\]"
    ):
        read_folder(write_folder(tmp_path, [0, 1], [9, 0, 3]))


def test_the_official_test_must_have_images_of_the_same_size(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, [0, 1], [0])
    (folder / TEST_IMAGES).write_bytes(idx_bytes(images_of([0], size=(3, 4))))
    with pytest.raises(MalformedFile, match="t10k-images has images of 3 x 4; those of train are 4 x 3"):
        read_folder(folder)


def test_the_signature_follows_names_sizes_and_times(tmp_path: Path) -> None:
    folder, source = write_folder(tmp_path / "mine", [0, 1]), Folder(name="mine")
    seen = {source.signature(tmp_path)}
    os.utime(folder / TRAIN_IMAGES, ns=(0, 1))
    seen.add(source.signature(tmp_path))
    write_folder(folder, [0, 1], [1])
    seen.add(source.signature(tmp_path))
    folder.rename(tmp_path / "yours")
    seen.add(Folder(name="yours").signature(tmp_path))
    assert len(seen) == 4


def test_mnist_is_read_whole(mnist_folder: Path) -> None:
    # Counts as in LeCun's files; the mean and deviation of pixels are the field's 0.1307 and 0.3081.
    dataset, official_test = read_folder(mnist_folder)
    assert official_test is not None
    assert len(dataset) + len(official_test) == 70_000
    assert dataset.shape == (28, 28, 1)
    assert dataset.counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert official_test.counts.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(dataset.features.mean() / 255, 4) == 0.1307
    assert round(dataset.features.std() / 255, 4) == 0.3081
