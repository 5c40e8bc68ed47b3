"""The small data sets in the package. workers/data/bundled.md has their origins and licences."""

import json
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Dataset
from workers.data.sources.source import Contents, Source
from workers.data.target_bins import bin_targets
from workers.tagged_union import variant

FILE = Path(__file__).parent.parent / "bundled.npz"


@variant
class Bundled(Source):
    """digits: 1,797 images of 8 x 8, 10 classes. Tables: iris 150 x 4, 3 classes; wine 178 x 13, 3;
    breast_cancer 569 x 30, 2; penguins 344 x 7 with categories and missing values, 3. diabetes: 442 x 10, the
    progression of the disease after a year, a regression.

    Source: the UCI Machine Learning Repository; diabetes Efron et al. 2004; penguins Gorman et al. 2014.
    Oracle: sklearn.datasets; palmerpenguins.
    """

    kind: ClassVar = "bundled"

    name: Literal["digits", "iris", "wine", "breast_cancer", "penguins", "diabetes"] = "digits"

    def read(self, datasets: Path) -> Contents:
        with np.load(FILE, allow_pickle=False) as arrays:
            of_set = {
                name.removeprefix(f"{self.name}."): array
                for name, array in arrays.items()
                if name.startswith(f"{self.name}.")
            }
        return Contents(_dataset(self.name, of_set))


def _dataset(name: str, arrays: dict[str, Any]) -> Dataset:
    """From the arrays of one data set: `targets` of a regression, or `labels` and `classes`; of a table `columns`,
    which are numbers, or `schema`.
    """
    targets = arrays.get("targets")
    if targets is None:
        labels, classes = arrays["labels"].astype(np.int64), tuple(arrays["classes"].tolist())
    else:
        labels, classes = bin_targets(targets)
    return Dataset(
        name=name,
        features=arrays["features"],
        labels=labels,
        classes=classes,
        shape=tuple(arrays["shape"].tolist()) or None,
        columns=_columns(arrays),
        targets=targets,
    )


def _columns(arrays: dict[str, Any]) -> tuple[Column, ...] | None:
    if "schema" in arrays:
        return tuple(Column.from_json(json.loads(column)) for column in arrays["schema"].tolist())
    return tuple(map(Column, arrays["columns"].tolist())) if "columns" in arrays else None
