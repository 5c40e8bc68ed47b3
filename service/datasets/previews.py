"""Previews of data sets: pictures of some images, and the first rows of a table. They show no sealed row.

Which rows are sealed depends on the share of the test part. A preview takes its rows from those that are open under
any share up to `SEALED`.
"""

from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from service.png import Pixels
from workers.data.dataset import Dataset, Features, Indices, rows_by_class
from workers.data.row_digests import Digests
from workers.data.sealed_rows import seal
from workers.nn.arrays import Shape

SEALED = Fraction(1, 2)
"""The largest share of a test part that has no row in a preview."""
IMAGES = 10
MAX_CLASSES = 50
"""The preview of a data set with more classes shows the first ones."""
SIDE = 56
"""Pixels of an image's longer side, approximately: whole pixels are left out or repeated."""
GAP = 2
"""White pixels between images."""


class NoPicture(ValueError):
    """The data set has no images."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Data set '{name}' is a table: only images have a picture.")


class NoTable(ValueError):
    """The data set has images, which are shown as such."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Data set '{name}' has images: GET /datasets/{name}/preview.png shows some.")


def preview(dataset: Dataset, digests: Digests) -> Pixels:
    """A row of images for each class, in the order of the data set; digests: (n,), of its rows.

    Returns (h, w) grey values, or (h, w, 3) for images of three channels. Raises NoPicture.
    """
    shape = _shape_of(dataset)
    rows = [
        [_resized(dataset.features[row], shape) for row in each[:IMAGES]]
        for each in open_rows(dataset, digests)[:MAX_CLASSES]
    ]
    shown = [image for row in rows for image in row]
    low = min((image.min() for image in shown), default=0)
    high = max((image.max() for image in shown), default=0)
    height, width, *channels = _resized(dataset.features[0], shape).shape
    sheet = np.full(
        (len(rows) * (height + GAP) + GAP, IMAGES * (width + GAP) + GAP, *channels), 255, np.uint8
    )
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = GAP + i * (height + GAP), GAP + j * (width + GAP)
            sheet[top : top + height, left : left + width] = _grey(image, low, high)
    return sheet


def picture(features: Features, shape: Shape) -> Pixels:
    """One image, with features (d,): its smallest value is black, its largest one white."""
    image = _resized(features, shape)
    return _grey(image, image.min(), image.max())


def first_open_rows(dataset: Dataset, digests: Digests, most: int) -> Indices:
    """At most `most` rows (m,) of a table for its preview, as many of each class as possible, ascending.

    Raises NoTable.
    """
    if dataset.shape is not None:
        raise NoTable(dataset.name)
    by_class = open_rows(dataset, digests)
    turns = [(turn, row) for rows in by_class for turn, row in enumerate(rows[:most].tolist())]
    return np.sort(np.array([row for _, row in sorted(turns)[:most]], np.int64))


def open_rows(dataset: Dataset, digests: Digests) -> list[Indices]:
    """The rows of each class that no test part up to `SEALED` holds back, ascending."""
    rows = seal(dataset.labels, digests, len(dataset.classes), SEALED).open
    return [rows[each] for each in rows_by_class(dataset.labels[rows], len(dataset.classes))]


def _shape_of(dataset: Dataset) -> Shape:
    if dataset.shape is None:
        raise NoPicture(dataset.name)
    return dataset.shape


def _grey(image: NDArray[np.generic], low: float, high: float) -> Pixels:
    spread = high - low
    return ((image.astype(np.float32) - low) * (255 / spread if spread else 0)).astype(np.uint8)


def _resized(features: NDArray[np.generic], shape: Shape) -> NDArray[np.generic]:
    """One image, scaled to about `SIDE`. If it has not exactly three channels, only the first one is shown."""
    image = features.reshape(shape)
    longest = max(shape[:2])
    step, repeats = ceil(longest / SIDE), max(1, SIDE // longest)
    image = (image if shape[2] == 3 else image[..., 0])[::step, ::step]
    return image.repeat(repeats, axis=0).repeat(repeats, axis=1)
