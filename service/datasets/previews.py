"""Previews of image data sets: a PNG with a row of images for each class."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from service.png import Pixels
from workers.data.dataset import Dataset, rows_by_class
from workers.nn.arrays import Shape

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


def preview(dataset: Dataset) -> Pixels:
    """A row of images for each class, in the order of the data set, without regard to any split.

    Returns (h, w) grey values, or (h, w, 3) for images of three channels. Raises NoPicture.
    """
    if dataset.shape is None:
        raise NoPicture(dataset.name)
    classes = rows_by_class(dataset.labels, len(dataset.classes))[:MAX_CLASSES]
    rows = [[_image(dataset.features[row], dataset.shape) for row in each[:IMAGES]] for each in classes]
    shown = [image for row in rows for image in row]
    low = min(image.min() for image in shown)
    spread = max(image.max() for image in shown) - low
    height, width, *channels = shown[0].shape
    sheet = np.full(
        (len(rows) * (height + GAP) + GAP, IMAGES * (width + GAP) + GAP, *channels), 255, np.uint8
    )
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = GAP + i * (height + GAP), GAP + j * (width + GAP)
            scaled = (image.astype(np.float32) - low) * (255 / spread if spread else 0)
            sheet[top : top + height, left : left + width] = scaled
    return sheet


def _image(features: NDArray[np.generic], shape: Shape) -> NDArray[np.generic]:
    """One image, scaled to about `SIDE`. If it has not exactly three channels, only the first one is shown."""
    image = features.reshape(shape)
    longest = max(shape[:2])
    step, repeats = ceil(longest / SIDE), max(1, SIDE // longest)
    image = (image if shape[2] == 3 else image[..., 0])[::step, ::step]
    return image.repeat(repeats, axis=0).repeat(repeats, axis=1)
