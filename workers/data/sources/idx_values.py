"""The values of an IDX file as a data set stores them: pixels as bytes or in single precision, labels as integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.dataset import Labels
from workers.data.errors import MalformedFile
from workers.data.tables.class_names import MOST_CLASSES


def storable_pixels(images: NDArray[Any], file: str) -> NDArray[Any]:
    """Images (n, height, width) as uint8 if all values are whole numbers from 0 to 255, else as float32.

    Raises MalformedFile if single precision does not hold a value, or if it is not finite.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise MalformedFile(file, "has pixels that are not finite", "a pixel is a finite number")
    with np.errstate(over="ignore"):
        stored = images.astype(np.float32)
    if not np.isfinite(stored).all() or (images.dtype.kind == "i" and not np.array_equal(stored, images)):
        right = "scale the pixels to 24 bits"
        raise MalformedFile(file, "has pixels that single precision does not hold", right)
    is_byte = (stored >= 0) & (stored <= 255) & (stored == np.floor(stored))
    return stored.astype(np.uint8) if is_byte.all() else stored


def class_numbers(labels: NDArray[Any], file: str) -> Labels:
    """Labels (n,) as integers; of those in two dimensions, the first column. Raises MalformedFile."""
    values = labels if labels.ndim == 1 else labels[:, 0]
    with np.errstate(invalid="ignore"):
        numbers: Labels = values.astype(np.int64)
    if not np.array_equal(numbers, values):
        row = int(np.argmax(numbers != values))
        raise MalformedFile(f"{file}[{row:,}]", f"is {values[row]}", "a label is a whole number")
    classes = len(np.unique(numbers))
    if classes > MOST_CLASSES:
        right = f"at most {MOST_CLASSES:,} classes are read"
        raise MalformedFile(file, f"has {classes:,} different labels", right)
    return numbers
