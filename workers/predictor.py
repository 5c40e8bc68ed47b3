"""Predicts with the stored model of a run: takes rows of the data set, returns labels and outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.checkpoint import Checkpoint
from workers.data.dataset import Features
from workers.data.preprocessing import Encoder
from workers.data.preprocessing.stored import stored_columns, stored_scaler
from workers.logit_adjustment import adjusted_outputs, adjusted_scores
from workers.nn.arrays import Array, Integers, Shape
from workers.nn.network import build_network
from workers.nn.output_layers import is_distribution
from workers.spec import ExperimentSpec
from workers.thresholds import ChosenThreshold


class IncompatibleModel(ValueError):
    """The arrays do not fit the spec's network. The message says which one differs."""


class Overflow(ArithmeticError):
    """A row is so far from the training rows that the network overflows. `row` is its index."""

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__(f"row {row}: its numbers are too large for the network")


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for N rows.

    labels: (N,), the index of the class with the largest output, or the one that the model's threshold gives.
    outputs: (N, K), after the correction of the spec's `prediction`. Of a regression they are the numbers, (N, 1), in
    the unit of the target, and the labels are all 0.
    """

    labels: Integers
    outputs: Array


class Predictor:
    """The model of one run, from its spec and the result of `Trainer.model`, without the data set.

    Raises IncompatibleModel if an array is missing or has another shape, as in a model of an older version.

    is_regression: whether it predicts numbers. is_distribution: whether the outputs are probabilities that sum to 1.
    features: the length d of a row. input_width: that of a row as the network reads it. columns: their names, kinds
    and levels, if they have names. takes_missing: whether a value of a row may be missing. threshold: if the spec
    asked for one. A predictor is not thread-safe: its network reuses buffers.
    """

    def __init__(
        self, spec: ExperimentSpec, model: Checkpoint, *, classes: Sequence[str], image_shape: Shape | None
    ) -> None:
        self._arrays = _Arrays(model.arrays)
        self.classes, self.output = tuple(classes), spec.loss.output
        self.is_regression = spec.task == "regression"
        self.is_distribution = is_distribution(self.output)
        self._scaler = stored_scaler(self._arrays)
        self.columns = stored_columns(self._arrays)
        self._offset = self._arrays.get("prediction.offset")
        self._data_offset = self._arrays.get("data.offset")
        self.threshold = ChosenThreshold.from_arrays(self._arrays)
        self.features, self.input_width = self._scaler.stored_width, self._scaler.width
        self.takes_missing = isinstance(self._scaler, Encoder)
        task = spec.network_task(
            features=self._scaler.width, classes=len(self.classes), image_shape=image_shape
        )
        unused = np.random.default_rng(0)
        self._network = build_network(
            spec.model,
            task,
            init=unused,
            dropout=unused,
            dtype=spec.training.dtype,
            reads_zeros=self._scaler.gives_zeros,
        )
        statistics = {name: self._arrays[name] for name in self._network.statistics()}
        try:
            self._network.load(self._arrays["parameters"], statistics)
        except ValueError as error:
            raise IncompatibleModel(str(error)) from None

    def __call__(self, rows: Array | Integers) -> Predictions:
        """Predict rows (N, d) as the data set stores them, in bytes or float32. Raises Overflow."""
        if self.is_regression:
            return self._numbers(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            adjusted = self.adjusted(self.logits(rows))
            outputs = adjusted_outputs(adjusted, self.output, self._offset)
        finite = np.isfinite(outputs).all(axis=1)
        if not finite.all():
            raise Overflow(int(finite.argmin()))
        labels = adjusted.argmax(axis=1) if self.threshold is None else self.threshold(outputs)
        return Predictions(labels, outputs)

    def logits(self, rows: Array | Integers) -> Array:
        """The outputs of the network (N, K) as they are, before the output layer and any correction."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._network.logits(rows, self._scaler.into, features=self._scaler.width)

    def representation(self, rows: Array | Integers) -> Array:
        """The hidden units (N, H) that the last layer reads; of a linear model, the inputs."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._network.representation(rows, self._scaler.into, features=self._scaler.width)

    def adjusted(self, logits: Array) -> Array:
        """Logits (N, K) with the correction for class frequencies: their argmax is the prediction."""
        return adjusted_scores(logits, self.output, self._offset)

    def numbers(self, logits: Array) -> NDArray[np.float64]:
        """The numbers (N, 1) that a regression predicts, in the unit of the target."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: NDArray[np.float64] = logits.astype(np.float64) * self._arrays["target.scale"]
            return scaled + self._arrays["target.offset"]

    def standardised(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Targets (n,) as a regression was trained on them."""
        found: NDArray[np.float64] = (targets - self._arrays["target.offset"]) / self._arrays["target.scale"]
        return found

    def _numbers(self, rows: Array | Integers) -> Predictions:
        numbers = self.numbers(self.logits(rows))
        finite = np.isfinite(numbers[:, 0])
        if not finite.all():
            raise Overflow(int(finite.argmin()))
        return Predictions(np.zeros(len(numbers), np.int64), numbers)

    def inputs(self, rows: Features) -> Array:
        """Rows (N, d) as the data set stores them, encoded and scaled: (N, D), as the network reads them."""
        return self._scaler.into(rows, np.empty((len(rows), self._scaler.width), np.float32))

    def stored(self, rows: Array) -> Array:
        """Convert original rows (N, d), float64, to the stored form: minus the data set's offset, in float32."""
        with np.errstate(over="ignore"):
            shifted = rows if self._data_offset is None else rows - self._data_offset
            return shifted.astype(np.float32)

    def tensors(self) -> dict[str, Array]:
        """Everything that prediction needs, by name.

        Parameters and running statistics by layer, such as `0.weight` for the first. `scaling.offset` and
        `scaling.factor`: the network's input is (x - offset) * factor, with x the original row minus `data.offset`,
        if there is one. `prediction.offset`, if class frequencies correct the predictions: it is added to the logits
        of a softmax; other outputs are multiplied by exp(offset). `prediction.threshold`, if the spec asks for one: a
        row is of the class with the index `prediction.positive` if its probability is at least that. Of a regression,
        the number is the output times `target.scale` plus `target.offset`.
        """
        network = self._network
        layers = enumerate(network.parameters.views(network.parameters.values))
        parameters = {f"{index}.{name}": array for index, views in layers for name, array in views.items()}
        around = {
            name: array
            for name, array in self._arrays.items()
            if name.startswith(("scaling.", "preprocessing.", "prediction.", "data.", "target."))
        }
        return parameters | network.statistics() | around


class _Arrays(dict[str, Array]):
    """The arrays of a model by name. Raises IncompatibleModel if one is missing."""

    def __missing__(self, name: str) -> Array:
        raise IncompatibleModel(f"it has no array {name}")
