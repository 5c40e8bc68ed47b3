"""A confusion matrix."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.client import html

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often each class was taken for which, summed over the runs. rows: the true classes."""

    classes: list[str]
    rows: list[list[int]]

    @classmethod
    def of(cls, found: dict[str, Any]) -> "ConfusionMatrix":
        """The sum of the matrices of a response."""
        matrices = [each["matrix"] for each in found["items"]]
        summed = [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]
        return cls(found["classes"], summed)

    @property
    def counts(self) -> "np.ndarray[Any, Any]":
        """The counts (K, K), true classes in rows."""
        import numpy as np

        return np.array(self.rows, dtype=np.int64).reshape(len(self.rows), -1)

    def to_pandas(self) -> Any:
        """The matrix as a pandas DataFrame. Raises ImportError without pandas."""
        import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]

        true = pd.Index(self.classes, name="true")
        return pd.DataFrame(self.rows, index=true, columns=pd.Index(self.classes, name="predicted"))

    def __repr__(self) -> str:
        return f"ConfusionMatrix of {len(self.classes)} classes"

    def _repr_html_(self) -> str:
        rows = [[name, *row] for name, row in zip(self.classes, self.rows, strict=True)]
        return html.table(["true \\ predicted", *self.classes], rows)
