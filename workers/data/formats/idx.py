"""IDX: the four files of MNIST, uploaded as separate fields."""

from pathlib import Path
from typing import ClassVar, Literal

from workers.data.errors import FileTooLarge
from workers.data.formats.format import MOST_FEATURES, Format
from workers.data.sources.folder import read_folder
from workers.data.sources.idx_reader import read_shape
from workers.data.sources.source import Contents
from workers.tagged_union import variant

NAMES = {
    "images": "train-images-idx3-ubyte",
    "labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@variant
class IDX(Format):
    """Images and labels in the format of MNIST, of any type, gzipped or not; `test_images` and `test_labels` are the
    official test part. The classes are the labels that occur, each named by its number; of labels in two dimensions,
    as of QMNIST, the first column is the class.

    Source: LeCun, Cortes & Burges, The MNIST database of handwritten digits.
    """

    required: ClassVar[tuple[str, ...]] = ("images", "labels")
    optional: ClassVar[tuple[str, ...]] = ("test_images", "test_labels")

    name: Literal["idx"] = "idx"

    def read(self, folder: Path) -> Contents:
        for part, original in NAMES.items():
            if (folder / part).exists():
                (folder / part).rename(folder / original)
        images = folder / NAMES["images"]
        _, height, width = read_shape(images, dimensions=3)
        if height * width > MOST_FEATURES:
            right = f"at most {MOST_FEATURES:,} pixels are read"
            raise FileTooLarge(f"{folder.name}/{images.name}", f"has images of {height:,} x {width:,}", right)
        return read_folder(folder)
