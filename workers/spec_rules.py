"""Rules across the fields of a spec: each yields a field error that says what is wrong and what would be right."""

from collections.abc import Callable, Iterator, Sequence

from workers.evaluation.metrics import BY_NAME, FROM_SCORES
from workers.nn.output_layers import is_distribution
from workers.spec import MOST_RUNS, ExperimentSpec
from workers.thresholds import ThresholdRule
from workers.validation.errors import FieldError

Rule = Callable[[ExperimentSpec], Iterator[FieldError]]


def broken_rules(spec: ExperimentSpec) -> list[FieldError]:
    """Every broken rule of a spec whose single fields are valid."""
    return [error for rule in RULES for error in rule(spec)]


def batch_norm_needs_two_rows(spec: ExperimentSpec) -> Iterator[FieldError]:
    if spec.model.batch_norm and spec.training.batch_size == 1:
        message = "batch norm needs at least 2 rows in a batch: the variance of a single row is 0"
        yield FieldError("training.batch_size", 1, message)


def selection_metric_exists(spec: ExperimentSpec) -> Iterator[FieldError]:
    metric, output = spec.selection_metric, spec.loss.output
    if BY_NAME[metric] in FROM_SCORES and not is_distribution(output):
        message = f"{metric} needs probabilities, and a {output} output gives none; choose a softmax output, or loss"
        yield FieldError("training.early_stopping.metric", metric, message)


def metric_may_select(spec: ExperimentSpec) -> Iterator[FieldError]:
    metric = BY_NAME[spec.selection_metric]
    if metric.selects_nothing:
        message = f"{metric.name} cannot select epochs: {metric.selects_nothing}"
        yield FieldError("training.early_stopping.metric", metric.name, message)


def threshold_needs_probabilities(spec: ExperimentSpec) -> Iterator[FieldError]:
    prediction, output = spec.prediction, spec.loss.output
    if isinstance(prediction, ThresholdRule) and not is_distribution(output):
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


RULES: tuple[Rule, ...] = (
    batch_norm_needs_two_rows,
    selection_metric_exists,
    metric_may_select,
    number_of_runs_is_bounded,
    threshold_needs_probabilities,
)
