"""IDX files for tests, well-formed and not."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TRAIN_LABELS, TRAIN_IMAGES = "train-labels-idx1-ubyte", "train-images-idx3-ubyte"
TEST_LABELS, TEST_IMAGES = "t10k-labels-idx1-ubyte", "t10k-images-idx3-ubyte"


def header(magic: int, *sizes: int) -> bytes:
    return struct.pack(f">{1 + len(sizes)}I", magic, *sizes)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return header(2048 + array.ndim, *array.shape) + array.tobytes()


def images_of(labels: list[int], size: tuple[int, int] = (4, 3), seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(256, size=(len(labels), *size), dtype=np.uint8)


def write_folder(
    folder: Path, train: list[int], test: list[int] | None = None, *, zipped: bool = False, seed: int = 0
) -> Path:
    """A folder like MNIST's, with random images for the given labels."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        TRAIN_LABELS: np.array(train, np.uint8),
        TRAIN_IMAGES: images_of(train, seed=seed),
    }
    if test is not None:
        arrays[TEST_LABELS] = np.array(test, np.uint8)
        arrays[TEST_IMAGES] = images_of(test, seed=seed + 1)
    for name, array in arrays.items():
        content = idx_bytes(array)
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder
