"""The rows that are compared: features as they are stored, what the model says, and what the network reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.data.columns import Column
from workers.nn.arrays import Array, Integers
from workers.shift.detection import Floats


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Rows of one part or batch, scored by one model.

    features: (n, d) as stored, NaN where missing, -1 for an unknown level. outputs: (n, K), or (n, 1) of a
    regression. predicted: (n,). sample: (s, D), some of the rows as the network reads them. labels: (n,), -1 where
    the class is none of the model's; targets: (n,) of a regression; None if unknown. units: (u, H), the hidden units
    of some of the rows.
    """

    features: Array | Integers
    outputs: Array
    predicted: Integers
    sample: Array
    units: Array
    labels: Integers | None = None
    targets: Floats | None = None

    def __len__(self) -> int:
        return len(self.predicted)


@dataclass(frozen=True, eq=False)
class Reference:
    """The validation rows of a model, with which batches are compared.

    columns: the d columns, named by their index where the data set has no names. offset: (d,), what was subtracted
    from the original values. is_distribution: whether outputs are probabilities. classes: K names, of a regression
    those of the bins of its targets.
    """

    rows: ScoredRows
    columns: Sequence[Column]
    classes: Sequence[str]
    is_distribution: bool
    is_regression: bool = False
    offset: Floats | None = None

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take."""
        arrays = (
            self.rows.features,
            self.rows.outputs,
            self.rows.predicted,
            self.rows.sample,
            self.rows.units,
        )
        return sum(array.nbytes for array in arrays)
