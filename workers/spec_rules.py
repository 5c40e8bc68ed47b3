"""Rules across the fields of a spec: each yields a field error that says what is wrong and what would be right."""

from collections.abc import Callable, Iterator, Sequence

from workers.bfloat16 import NoUnit
from workers.evaluation.metrics import BY_NAME, FROM_SCORES
from workers.nn import mixed_precision
from workers.nn.losses import CrossEntropy
from workers.nn.output_layers import is_distribution
from workers.spec import MOST_RUNS, ExperimentSpec
from workers.tasks import task_of
from workers.thresholds import ThresholdRule
from workers.validation.errors import FieldError

Rule = Callable[[ExperimentSpec], Iterator[FieldError]]


def broken_rules(spec: ExperimentSpec) -> list[FieldError]:
    """Every broken rule of a spec whose single fields are valid."""
    return [error for rule in RULES for error in rule(spec)]


def task_has_it(spec: ExperimentSpec) -> Iterator[FieldError]:
    yield from task_of(spec).broken_rules(spec)


def batch_norm_needs_two_rows(spec: ExperimentSpec) -> Iterator[FieldError]:
    if spec.model.batch_norm and spec.training.batch_size == 1:
        message = "batch norm needs at least 2 rows in a batch: the variance of a single row is 0"
        yield FieldError("training.batch_size", 1, message)


def selection_metric_exists(spec: ExperimentSpec) -> Iterator[FieldError]:
    metric, output = spec.selection_metric, spec.loss.output
    if spec.task != "regression" and BY_NAME[metric] in FROM_SCORES and not is_distribution(output):
        message = f"{metric} needs probabilities, and a {output} output gives none; choose a softmax output, or loss"
        yield FieldError("training.early_stopping.metric", metric, message)


def metric_may_select(spec: ExperimentSpec) -> Iterator[FieldError]:
    metric = BY_NAME[spec.selection_metric]
    if metric.selects_nothing:
        message = f"{metric.name} cannot select epochs: {metric.selects_nothing}"
        yield FieldError("training.early_stopping.metric", metric.name, message)


def threshold_needs_probabilities(spec: ExperimentSpec) -> Iterator[FieldError]:
    prediction, output = spec.prediction, spec.loss.output
    if spec.task != "regression" and isinstance(prediction, ThresholdRule) and not is_distribution(output):
        message = f"{prediction.name} needs probabilities, and a {output} output gives none; choose a softmax output"
        yield FieldError("prediction", prediction.name, message)


def broken_selection(spec: ExperimentSpec, counts: Sequence[int]) -> list[FieldError]:
    """The error of a metric that has no value on the validation part, given its rows of each class (K,)."""
    metric = BY_NAME[spec.selection_metric]
    if not metric.null_for(counts):
        return []
    message = f"{metric.name} cannot select epochs here: it is null if {metric.null_if}"
    return [FieldError("training.early_stopping.metric", metric.name, message)]


def number_of_runs_is_bounded(spec: ExperimentSpec) -> Iterator[FieldError]:
    folds, seeds = len(spec.split.all_folds), len(spec.seeds)
    if folds * seeds > MOST_RUNS:
        message = (
            f"{folds:,} folds in all times {seeds:,} seeds are {folds * seeds:,} runs; an experiment has "
            f"at most {MOST_RUNS}: take fewer repeats, folds or seeds"
        )
        yield FieldError("split", folds * seeds, message)


def precision_is_possible(spec: ExperimentSpec) -> Iterator[FieldError]:
    """Mixed precision needs a unit of this machine's processor: without one it would be slower than float32."""
    if not spec.training.is_mixed:
        return
    path, given = "training.precision", spec.training.precision
    if spec.model.solved:
        message = (
            "the linear model is solved, which bfloat16 is not precise enough for: choose float32 or float64"
        )
        yield FieldError(path, given, message)
        return
    try:
        mixed_precision.products()
    except NoUnit as missing:
        yield FieldError(path, given, str(missing))


LINEAR_LOSSES = ("cross_entropy", "balanced_softmax", "logit_adjustment")
"""The losses that a linear model can minimise: cross-entropies, whose minimum is that of softmax regression."""


def linear_minimises_cross_entropy(spec: ExperimentSpec) -> Iterator[FieldError]:
    if not spec.model.solved or spec.task == "regression":
        return
    if spec.loss.name not in LINEAR_LOSSES:
        message = (
            f"the linear model is the minimum of a cross-entropy: choose {', '.join(LINEAR_LOSSES[:-1])} or "
            f'{LINEAR_LOSSES[-1]}, or train {spec.loss.name} in steps with "model": {{"hidden": []}}'
        )
        yield FieldError("loss", spec.loss.name, message)
    elif isinstance(spec.loss, CrossEntropy) and spec.loss.label_smoothing:
        message = (
            "the linear model is solved without label smoothing; its penalty l2 keeps it from being too sure"
        )
        yield FieldError("loss.label_smoothing", spec.loss.label_smoothing, message)


def linear_weights_rows(spec: ExperimentSpec) -> Iterator[FieldError]:
    if spec.model.solved and spec.balancing.name == "smote":
        message = (
            "smote makes new rows in every epoch, and the linear model is solved once, with weights of the rows that "
            "there are: choose oversample, or class_weights"
        )
        yield FieldError("balancing", "smote", message)


RULES: tuple[Rule, ...] = (
    task_has_it,
    batch_norm_needs_two_rows,
    selection_metric_exists,
    metric_may_select,
    number_of_runs_is_bounded,
    threshold_needs_probabilities,
    linear_minimises_cross_entropy,
    linear_weights_rows,
    precision_is_possible,
)
