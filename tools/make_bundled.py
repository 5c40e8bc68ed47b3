"""Writes workers/data/bundled.npz from the copies of scikit-learn and palmerpenguins, always the same bytes.

Run: python -m tools.make_bundled
"""

import json
import tempfile
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from workers.data.formats import CSV
from workers.data.sources.bundled import FILE

WINE = ["cultivar 1", "cultivar 2", "cultivar 3"]  # scikit-learn calls them class_0, class_1, class_2

DIABETES = ["age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"]  # scikit-learn says s1 to s6


def bundled() -> dict[str, NDArray[np.generic]]:
    """The arrays NAME.features, NAME.labels and NAME.classes or NAME.targets, NAME.shape and NAME.columns of each."""
    digits, iris, wine, cancer = load_digits(), load_iris(), load_wine(), load_breast_cancer()
    tables = {"iris": iris, "wine": wine, "breast_cancer": cancer}
    arrays: dict[str, NDArray[np.generic]] = {
        "digits.features": digits.data.astype(np.uint8),
        "digits.labels": digits.target.astype(np.uint8),
        "digits.classes": digits.target_names.astype(str),
        "digits.shape": np.array([8, 8, 1]),
    }
    for name, table in tables.items():
        arrays[f"{name}.features"] = table.data.astype(np.float32)
        arrays[f"{name}.labels"] = table.target.astype(np.uint8)
        arrays[f"{name}.classes"] = np.array(WINE) if name == "wine" else table.target_names.astype(str)
        arrays[f"{name}.shape"] = np.array([], np.int64)
        arrays[f"{name}.columns"] = np.array(table.feature_names).astype(str)
    diabetes = load_diabetes(scaled=False)
    arrays["diabetes.features"] = diabetes.data.astype(np.float32)
    arrays["diabetes.targets"] = diabetes.target.astype(np.float64)
    arrays["diabetes.shape"] = np.array([], np.int64)
    arrays["diabetes.columns"] = np.array(DIABETES)
    return arrays | penguins()


def penguins() -> dict[str, NDArray[np.generic]]:
    """The table of penguins as an upload of it is taken, with its kinds and levels. The package is not imported."""
    table = Path(
        str(distribution("palmerpenguins").locate_file("palmerpenguins/data/penguins.csv"))
    ).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").write_bytes(table)
        dataset = CSV(label="species", accept="all").read(Path(folder)).dataset
        features = np.array(dataset.features)
    columns = [json.dumps(column.to_json()) for column in dataset.columns or ()]
    return {
        "penguins.features": features,
        "penguins.labels": dataset.labels.astype(np.uint8),
        "penguins.classes": np.array(dataset.classes),
        "penguins.shape": np.array([], np.int64),
        "penguins.schema": np.array(columns),
    }


if __name__ == "__main__":
    np.savez_compressed(FILE, allow_pickle=False, **bundled())
