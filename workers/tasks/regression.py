"""Regression: a number. One linear output, the target standardised on training rows, and metrics in its own unit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.data.balancing import Sampler
from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.evaluation.evaluation import Evaluation, Predicted, evaluate_numbers
from workers.evaluation.metrics import BY_NAME
from workers.nn.arrays import Array, Integers
from workers.nn.class_weights import InverseDensity
from workers.nn.density_weights import DensityWeights, width_bins
from workers.nn.losses import L1, L2, LossFunction, Quantile
from workers.nn.models import Linear
from workers.objective import Objective
from workers.ridge_training import RidgeTraining
from workers.spec import DEFAULT_METRIC_OF_NUMBERS, ExperimentSpec
from workers.tasks.task import BalancedBins, FittedTask, LearningTask, Solver
from workers.validation.errors import FieldError

Floats = NDArray[np.float64]

LOSSES = "l2, l1, huber, barron, quantile or balanced_mse"
METRICS = "rmse, mae, median_absolute_error, r2, pinball or loss"
WIDTH_BINS = 10
"""Equally wide bins of the training targets, between which balancing balances."""


@dataclass(frozen=True)
class TargetScaler:
    """(y - offset) / scale: a mean of 0 and a standard deviation of 1 on the training rows; both are stored."""

    offset: float
    scale: float

    @staticmethod
    def fit(targets: Floats) -> "TargetScaler":
        """For training targets (n,). If all are equal, the scale is 1."""
        return TargetScaler(float(targets.mean()), float(targets.std()) or 1.0)

    def standardised(self, targets: Floats) -> Floats:
        """The numbers that the network is trained on."""
        return (targets - self.offset) / self.scale

    def original(self, logits: Array) -> Floats:
        """The predicted numbers (n,) in the unit of the target, for logits (n, 1)."""
        return logits[:, 0].astype(np.float64) * self.scale + self.offset


class Regression(LearningTask):
    """Predicts a number."""

    name = "regression"
    default_metric = DEFAULT_METRIC_OF_NUMBERS

    def resolved(self, spec: ExperimentSpec) -> ExperimentSpec:
        """L2 if the spec names no loss. L1 has a softmax by default, which means nothing here: it becomes linear."""
        loss = spec.loss if "loss" in spec.model_fields_set else L2()
        if isinstance(loss, L1 | L2) and loss.output == "softmax":
            loss = replace(loss, output="linear")
        return spec.model_copy(update={"loss": loss})

    def broken_rules(self, spec: ExperimentSpec) -> Iterator[FieldError]:
        loss, metric = spec.loss, BY_NAME[spec.selection_metric]
        if self.name not in loss.tasks:
            message = f"{loss.name} is a loss of classes, and this is a regression: choose {LOSSES}"
            yield FieldError("loss", loss.name, message)
        elif loss.output != "linear":
            message = f"a regression has one linear output, and no {loss.output}"
            yield FieldError("loss.output", loss.output, message)
        if self.name not in metric.tasks:
            message = f"{metric.name} is a metric of classes, and this is a regression: choose {METRICS}"
            yield FieldError("training.early_stopping.metric", metric.name, message)
        if self.name not in spec.class_weights.tasks:
            message = (
                f"{spec.class_weights.name} weights classes: the bins of a regression are about equally frequent, so "
                "choose inverse_density, which weights rows by how rare their targets are"
            )
            yield FieldError("class_weights", spec.class_weights.name, message)
        if spec.balancing.name == "smote":
            message = "smote mixes rows of one class, and would not mix their targets: choose oversample"
            yield FieldError("balancing", "smote", message)
        if spec.prediction.name != "argmax":
            message = f"{spec.prediction.name} decides between classes: a regression predicts its output"
            yield FieldError("prediction", spec.prediction.name, message)
        if spec.model.solved and not isinstance(loss, L2):
            message = (
                f"the linear model of a regression is ridge, which minimises l2: train {loss.name} in steps with "
                '"model": {"hidden": []}'
            )
            yield FieldError("loss", loss.name, message)

    def balanced_bins(
        self, dataset: Dataset, training_rows: Callable[[], Indices], counts: Integers
    ) -> BalancedBins:
        """Equally wide bins: those of the data set have equally many rows, so nothing there is rare."""
        rows = training_rows()
        nothing = np.empty((len(rows), 0), np.float32)
        part = replace(
            dataset,
            features=nothing,
            labels=dataset.labels[rows],
            targets=None if dataset.targets is None else dataset.targets[rows],
        )
        balanced = in_width_bins(part)
        cells = balanced.labels * len(dataset.classes) + part.labels
        table = np.bincount(cells, minlength=len(balanced.classes) * len(dataset.classes))
        return BalancedBins(balanced.counts, balanced.classes, table.reshape(len(balanced.classes), -1))

    def fit(self, spec: ExperimentSpec, training_part: Dataset) -> FittedTask:
        return FittedRegression(spec, training_part)


@dataclass(frozen=True, eq=False)
class LossOfRows(LossFunction):
    """A loss of numbers that takes the numbers of rows (N,) as labels, and looks up their targets (n,)."""

    loss: LossFunction
    targets: Any

    def __call__(self, logits: Array, labels: Integers) -> tuple[Array, Array]:
        return self.loss(logits, self.targets[labels])


class FittedRegression(FittedTask):
    """A regression on one training part."""

    def __init__(self, spec: ExperimentSpec, training_part: Dataset) -> None:
        if training_part.targets is None:
            raise ValueError("a regression needs numbers as targets, and this data set has classes")
        self.spec, self.offset = spec, None
        self.targets = np.asarray(training_part.targets, np.float64)
        self.target_scaler = TargetScaler.fit(self.targets)
        self.dtype = spec.training.dtype
        numbers = np.arange(len(training_part))
        self.step_part = replace(training_part, labels=numbers)
        self._balanced_part = in_width_bins(training_part)
        self._part = training_part
        multiples = expected_multiples(spec, self._balanced_part)
        classes = len(training_part.classes)
        self.sampled_counts = np.bincount(training_part.labels, weights=multiples, minlength=classes).astype(
            np.float64
        )
        self._multiples = multiples
        self._density = density_weights(spec, self.targets)

    def sampler(self, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        return self.spec.balancing.prepare(self._balanced_part, scaler, generator)

    def solver(self, scaler: Scaler) -> Solver:
        model, weights = self.spec.model, self._multiples
        density = self._weights_of(self.targets)
        return RidgeTraining(
            self._part,
            scaler,
            self.target_scaler.standardised(self.targets),
            weights if density is None else weights * density,
            model.l2 if isinstance(model, Linear) else None,
        )

    def objective(self, progress: float) -> Objective:
        targets = self.target_scaler.standardised(self.targets).astype(self.dtype)
        weights = self._weights_of(self.targets)
        loss = LossOfRows(self.spec.loss.with_class_counts(self.sampled_counts), targets)
        return Objective(loss, None if weights is None else weights.astype(self.dtype))

    def evaluate(self, logits: Array, part: Dataset, objective: Objective) -> tuple[Evaluation, Predicted]:
        if part.targets is None:
            raise ValueError("a regression needs numbers as targets, and this part has classes")
        targets = np.asarray(part.targets, np.float64)
        scaled: Any = self.target_scaler.standardised(targets).astype(logits.dtype)
        losses, _ = self.spec.loss(logits, scaled)
        loss = self.spec.loss
        return evaluate_numbers(
            self.target_scaler.original(logits),
            targets,
            part.labels,
            count=len(part.classes),
            losses=losses,
            weights=self._weights_of(targets),
            quantile=loss.quantile if isinstance(loss, Quantile) else 0.5,
        )

    def arrays(self) -> dict[str, Array]:
        scaler = self.target_scaler
        return {"target.offset": np.array([scaler.offset]), "target.scale": np.array([scaler.scale])}

    def _weights_of(self, targets: Floats) -> Floats | None:
        return None if self._density is None else self._density(targets)


def density_weights(spec: ExperimentSpec, targets: Floats) -> DensityWeights | None:
    """The weights that the spec asks for, fitted to training targets (n,); None without any."""
    wanted = spec.class_weights
    if not isinstance(wanted, InverseDensity) or np.ptp(targets) == 0:
        return None
    return DensityWeights.fit(targets, bins=wanted.bins, kernel=wanted.kernel, sigma=wanted.sigma)


def in_width_bins(part: Dataset) -> Dataset:
    """The part with equally wide bins of its targets as classes: those that have rows."""
    targets = np.asarray(part.targets, np.float64)
    low, high = float(targets.min()), float(targets.max())
    if low == high:
        return replace(part, labels=np.zeros(len(targets), np.int64), classes=(f"{low:.4g}",))
    used, labels = np.unique(width_bins(targets, low, high, WIDTH_BINS), return_inverse=True)
    width = (high - low) / WIDTH_BINS
    names = tuple(f"from {low + k * width:.4g} to {low + (k + 1) * width:.4g}" for k in used.tolist())
    return replace(part, labels=labels.astype(np.int64), classes=names)


def expected_multiples(spec: ExperimentSpec, balanced_part: Dataset) -> Floats:
    """How often each row (n,) is expected in an epoch. Raises TooFewRows if the balancing needs more rows."""
    counts = balanced_part.counts
    spec.balancing.require(counts, balanced_part.classes)
    growth = spec.balancing.expected_counts(counts) / np.maximum(counts, 1)
    multiples: Floats = growth[balanced_part.labels]
    return multiples
