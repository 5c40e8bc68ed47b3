"""A folder of IDX files named as in MNIST: a split divides the `train-` files; `t10k-` files are the official test.

The same kind of name may also mean an upload.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from workers.data.dataset import Dataset
from workers.data.errors import MalformedFile, MissingFile
from workers.data.sources.idx_reader import Dimensions, read_idx, read_shape
from workers.data.sources.idx_values import class_numbers, storable_pixels
from workers.data.sources.source import Contents, Source
from workers.data.sources.upload_source import UploadSource
from workers.data.sources.upload_store import UploadStore
from workers.tagged_union import variant
from workers.validation.patterns import worded

NAME_PATTERN = worded(
    "^[a-z0-9][a-z0-9._-]{0,63}$",
    "up to 64 characters of a-z, 0-9, ., - and _, and start with a letter or a digit",
)
"""No separator and no leading dot: a name cannot refer to a path outside the folder of data sets."""

Prefix = Literal["train", "t10k"]
ENDINGS: dict[Dimensions, str] = {1: "labels-idx1-ubyte", 3: "images-idx3-ubyte"}


@variant
class Folder(Source):
    """IDX files in DIR/datasets/NAME: train-images-idx3-ubyte, train-labels-idx1-ubyte, and t10k- likewise.

    Each may be gzipped (.gz), and hold numbers of any type. The classes are the labels that occur in the training
    file, ascending, each named by its number; of labels in two dimensions, the first column is the class. The name of
    an upload means its newest version, or the one whose hash is `sha256`.
    Source: LeCun, Cortes & Burges, The MNIST database of handwritten digits.
    """

    kind: ClassVar = "folder"
    is_slow_to_read: ClassVar = True

    name: Annotated[str, Field(strict=True, pattern=NAME_PATTERN)] = "mnist"

    def resolved(self, datasets: Path) -> Source:
        version = UploadStore(datasets).find_version(self.name, self.sha256)
        if version is None:
            return self
        return UploadSource(name=self.name, imbalance=self.imbalance, sha256=self.sha256, version=version)

    def read(self, datasets: Path) -> Contents:
        return read_folder(datasets / self.name)

    def exists(self, datasets: Path) -> bool:
        return (datasets / self.name).is_dir()

    def signature(self, datasets: Path) -> str:
        files = [(path.name, path.stat()) for path in _files(datasets / self.name)]
        return repr((self.name, [(file, stat.st_size, stat.st_mtime_ns) for file, stat in files]))


def read_folder(folder: Path) -> Contents:
    """Read the training pair of `folder` and, if there is one, its official test pair.

    Raises MissingFile or MalformedFile.
    """
    images, values = _read_pair(folder, "train")
    classes = np.unique(values)
    if len(classes) < 2:
        raise MalformedFile(f"{folder.name}/train-labels", f"has one class, {classes[0]}", "two are needed")
    official_test = None
    if _find(folder, "t10k", 3) or _find(folder, "t10k", 1):
        test_images, test_values = _read_pair(folder, "t10k")
        _require_compatible(folder, images, test_images, classes, np.unique(test_values))
        official_test = _dataset(folder.name, test_images, test_values, classes)
    return Contents(_dataset(folder.name, images, values, classes), official_test)


def _read_pair(folder: Path, prefix: Prefix) -> tuple[NDArray[Any], NDArray[Any]]:
    images, labels = _require(folder, prefix, 3), _require(folder, prefix, 1)
    rows, count = read_shape(images, dimensions=3)[0], read_shape(labels, dimensions=1)[0]
    if rows != count:  # checked before either is read: the images may be large
        raise MalformedFile(
            f"{folder.name}/{prefix}-labels",
            f"has {count:,} labels for {rows:,} images",
            "each image needs one",
        )
    pixels = storable_pixels(read_idx(images, dimensions=3), f"{folder.name}/{images.name}")
    return pixels, class_numbers(read_idx(labels, dimensions=1), f"{folder.name}/{labels.name}")


def _dataset(name: str, images: NDArray[Any], values: NDArray[Any], classes: NDArray[Any]) -> Dataset:
    rows, height, width = images.shape
    labels = np.searchsorted(classes, values).astype(np.int64)
    names = tuple(str(value) for value in classes.tolist())
    return Dataset(name, images.reshape(rows, height * width), labels, names, (height, width, 1))


def _require_compatible(
    folder: Path,
    images: NDArray[Any],
    test_images: NDArray[Any],
    classes: NDArray[Any],
    test_classes: NDArray[Any],
) -> None:
    if images.shape[1:] != test_images.shape[1:]:
        size, right = (" x ".join(map(str, i.shape[1:])) for i in (test_images, images))
        raise MalformedFile(
            f"{folder.name}/t10k-images", f"has images of {size}", f"those of train are {right}"
        )
    unknown = np.setdiff1d(test_classes, classes).tolist()
    if unknown:
        raise MalformedFile(
            f"{folder.name}/t10k-labels",
            f"has labels that train-labels does not have: {unknown}",
            "a class must have training rows",
        )


def _names(prefix: Prefix, dimensions: Dimensions) -> list[str]:
    name = f"{prefix}-{ENDINGS[dimensions]}"
    dotted = name.replace("-idx", ".idx")
    return [name, dotted, f"{name}.gz", f"{dotted}.gz"]


def _find(folder: Path, prefix: Prefix, dimensions: Dimensions) -> Path | None:
    candidates = (folder / name for name in _names(prefix, dimensions))
    return next((path for path in candidates if path.is_file()), None)


def _require(folder: Path, prefix: Prefix, dimensions: Dimensions) -> Path:
    path = _find(folder, prefix, dimensions)
    if path is None:
        raise MissingFile(folder.name, _names(prefix, dimensions)[0])
    return path


def _files(folder: Path) -> Iterator[Path]:
    prefixes: tuple[Prefix, ...] = ("train", "t10k")
    for prefix in prefixes:
        for dimensions in ENDINGS:
            path = _find(folder, prefix, dimensions)
            if path is not None:
                yield path
