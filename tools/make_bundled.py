"""Writes workers/data/bundled.npz from scikit-learn's copies of four UCI data sets, with reproducible bytes.

Run: python -m tools.make_bundled
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from workers.data.sources.bundled import FILE

WINE = ["cultivar 1", "cultivar 2", "cultivar 3"]  # scikit-learn calls them class_0, class_1, class_2


def bundled() -> dict[str, NDArray[np.generic]]:
    """The arrays NAME.features, NAME.labels, NAME.classes, and NAME.shape (empty for tables) of each data set."""
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
    return arrays


if __name__ == "__main__":
    np.savez_compressed(FILE, allow_pickle=False, **bundled())
