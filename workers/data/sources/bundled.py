"""The small data sets in the package. workers/data/bundled.md has their origins and licences."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from workers.data.dataset import Dataset
from workers.data.sources.source import Contents, Source
from workers.tagged_union import variant

FILE = Path(__file__).parent.parent / "bundled.npz"


@variant
class Bundled(Source):
    """digits: 1,797 images of 8 x 8, 10 classes. Tables: iris 150 x 4, 3 classes; wine 178 x 13, 3;
    breast_cancer 569 x 30, 2.

    Source: the UCI Machine Learning Repository. Oracle: sklearn.datasets.
    """

    kind: ClassVar = "bundled"

    name: Literal["digits", "iris", "wine", "breast_cancer"] = "digits"

    def read(self, datasets: Path) -> Contents:
        with np.load(FILE, allow_pickle=False) as arrays:
            shape = tuple(arrays[f"{self.name}.shape"].tolist())
            dataset = Dataset(
                name=self.name,
                features=arrays[f"{self.name}.features"],
                labels=arrays[f"{self.name}.labels"].astype(np.int64),
                classes=tuple(arrays[f"{self.name}.classes"].tolist()),
                shape=shape or None,
            )
        return Contents(dataset)
