"""Classification: one of K classes. K logits, labels as targets, and the metrics of the confusion matrix."""

from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import numpy as np

from workers.data.balancing import Sampler
from workers.data.dataset import Dataset, Indices
from workers.data.scaling import Scaler
from workers.evaluation.evaluation import Evaluation, Predicted, evaluate_with_rows
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.ranking import RowsByClass
from workers.linear_training import LinearTraining
from workers.logit_adjustment import adjusted_scores
from workers.nn.arrays import Array, Integers
from workers.nn.output_layers import is_distribution
from workers.objective import Objective, objective_at
from workers.spec import DEFAULT_METRIC, ExperimentSpec
from workers.tasks.task import BalancedBins, FittedTask, LearningTask, Solver
from workers.validation.errors import FieldError


class Classification(LearningTask):
    """Predicts the class of a row."""

    name = "classification"
    default_metric = DEFAULT_METRIC

    def resolved(self, spec: ExperimentSpec) -> ExperimentSpec:
        return spec

    def broken_rules(self, spec: ExperimentSpec) -> Iterator[FieldError]:
        if self.name not in spec.loss.tasks:
            message = f"{spec.loss.name} is a loss of numbers, and this is a classification"
            yield FieldError("loss", spec.loss.name, message)
        if self.name not in spec.class_weights.tasks:
            message = (
                f"{spec.class_weights.name} weights numbers: choose inverse_frequency or effective_number"
            )
            yield FieldError("class_weights", spec.class_weights.name, message)
        if self.name not in BY_NAME[spec.selection_metric].tasks:
            message = f"{spec.selection_metric} is a metric of regressions, and this is a classification"
            yield FieldError("training.early_stopping.metric", spec.selection_metric, message)

    def balanced_bins(
        self, dataset: Dataset, training_rows: Callable[[], Indices], counts: Integers
    ) -> BalancedBins:
        return BalancedBins(counts, dataset.classes)

    def fit(self, spec: ExperimentSpec, training_part: Dataset) -> FittedTask:
        return FittedClassification(spec, training_part)


class FittedClassification(FittedTask):
    """A classification on one training part."""

    def __init__(self, spec: ExperimentSpec, training_part: Dataset) -> None:
        self.spec, self.step_part = spec, training_part
        self.sampled_counts = spec.balancing.expected_counts(training_part.counts)
        self.offset = spec.prediction.offset(training_part.counts, self.sampled_counts)
        self._by_class: WeakKeyDictionary[Dataset, RowsByClass] = WeakKeyDictionary()

    def sampler(self, scaler: Scaler, generator: np.random.Generator) -> Sampler:
        return self.spec.balancing.prepare(self.step_part, scaler, generator)

    def solver(self, scaler: Scaler) -> Solver:
        return LinearTraining(self.spec, self.step_part, scaler)

    def objective(self, progress: float) -> Objective:
        return objective_at(
            progress,
            loss=self.spec.loss,
            class_weights=self.spec.class_weights,
            sampled_counts=self.sampled_counts,
            dtype=self.spec.training.dtype,
        )

    def evaluate(self, logits: Array, part: Dataset, objective: Objective) -> tuple[Evaluation, Predicted]:
        is_nll = self.offset is None and self.spec.loss.is_negative_log_likelihood
        by_class = self._by_class.get(part) or RowsByClass.of(part.labels, logits.shape[1])
        self._by_class[part] = by_class
        return evaluate_with_rows(
            adjusted_scores(logits, self.spec.loss.output, self.offset),
            part.labels,
            losses=None if is_nll else self.spec.loss(logits, part.labels)[0],
            class_weights=objective.weights,
            distribution=is_distribution(self.spec.loss.output),
            by_class=by_class,
        )

    def arrays(self) -> dict[str, Array]:
        return {} if self.offset is None else {"prediction.offset": self.offset}
