"""Finds settings of a spec that can never take effect, given its other settings. Each function finds one kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from workers.evaluation.metrics import BY_NAME
from workers.nn.arrays import Array
from workers.nn.class_weights import GivenWeights
from workers.nn.losses import BalancedSoftmax, LogitAdjustment
from workers.nn.optimizers import Adam
from workers.nn.schedules import AnySchedule, Step, Warmup
from workers.spec import ExperimentSpec


@dataclass(frozen=True)
class IneffectiveSetting:
    """A setting without effect: a sentence that says why, and what to do instead."""

    sentence: str
    remedy: str


Finder = Callable[[ExperimentSpec], Iterator[IneffectiveSetting]]


def find_ineffective_settings(
    spec: ExperimentSpec, class_counts: Array, sampled_counts: Array
) -> Iterator[IneffectiveSetting]:
    """Every setting of a spec without effect, given class counts (K,) of the training part and of an epoch."""
    for finder in OF_SOLVED_MODELS if spec.model.solved else FINDERS:
        yield from finder(spec)
    yield from prediction_without_effect(spec, class_counts, sampled_counts)
    yield from loss_without_effect(spec, sampled_counts)


def warmup_outlasts_training(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    schedule, epochs = spec.training.schedule, spec.training.epochs
    if isinstance(schedule, Warmup) and schedule.epochs >= epochs:
        sentence = (
            f"The warm-up lasts {schedule.epochs:g} epochs and the training {epochs}: the learning rate reaches "
            f"its full value at the end or never, and the schedule '{schedule.then.name}' never starts."
        )
        yield IneffectiveSetting(sentence, "Make training.schedule.epochs shorter than training.epochs.")


def step_after_the_end(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    schedule, warmup_epochs = _after_warmup(spec.training.schedule)
    epochs = spec.training.epochs - warmup_epochs
    if isinstance(schedule, Step) and 0 < epochs <= schedule.every:
        sentence = (
            f"The step schedule lowers the learning rate after every {schedule.every} epochs, and only "
            f"{epochs:g} are trained: the rate stays constant."
        )
        yield IneffectiveSetting(sentence, "Lower every in training.schedule, or raise training.epochs.")


def schedule_changes_nothing(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    schedule, _ = _after_warmup(spec.training.schedule)
    if getattr(schedule, "floor", None) == 1 or (isinstance(schedule, Step) and schedule.factor == 1):
        sentence = (
            f"The schedule '{schedule.name}' multiplies the learning rate by 1: the rate stays constant."
        )
        yield IneffectiveSetting(sentence, "Give a floor or a factor below 1, or use the constant schedule.")


def patience_outlasts_training(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    stopping, epochs = spec.training.early_stopping, spec.training.epochs
    if stopping and stopping.patience >= epochs - 1:
        sentence = (
            f"Early stopping waits for {stopping.patience} epochs without progress after the first, and the "
            f"training has {epochs}: it never stops a run early."
        )
        yield IneffectiveSetting(sentence, "Lower patience in early_stopping, or raise training.epochs.")


def min_delta_out_of_reach(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    stopping = spec.training.early_stopping
    if stopping and stopping.min_delta >= BY_NAME[spec.selection_metric].range:
        sentence = (
            f"No {spec.selection_metric} can improve by more than {stopping.min_delta:g}: early stopping always ends "
            f"the training after {stopping.patience + 1} epochs."
        )
        yield IneffectiveSetting(sentence, "Lower min_delta in early_stopping.")


def without_hidden_layers(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    """For an mlp only: a convnet uses its activation, batch norm and dropout before the hidden layers too."""
    model = spec.model
    if model.name != "mlp" or model.hidden:
        return
    idle = _changed_fields(model, "dropout", "batch_norm", "layer_norm", "activation")
    if idle:
        sentence = f"The model has no hidden layer, so {_listed(idle)} of model apply to nothing."
        remedy = "Give the widths of hidden layers in model.hidden; input_dropout applies to the features."
        yield IneffectiveSetting(sentence, remedy)


def steps_of_a_solved_model(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    """The only epoch of a solved model is not counted: its resolved spec has it."""
    training, stopping = spec.training, spec.training.early_stopping
    idle = [] if spec.optimizer == Adam() else ["optimizer"]
    idle += [] if training.epochs == 1 else _changed_fields(training, "epochs")
    idle += _changed_fields(training, "batch_size", "accumulate", "schedule", "clip_norm")
    idle += _changed_fields(stopping, "patience", "min_delta") if stopping else []
    if idle:
        sentence = f"The linear model is solved and not trained in steps, so {_listed(idle)} have no effect."
        remedy = 'Leave them out, or train the same model in steps with "model": {"hidden": []}.'
        yield IneffectiveSetting(sentence.replace(", so optimizer have", ", so optimizer has"), remedy)


def momentum_of_zero(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    optimizer = spec.optimizer
    if optimizer.name != "sgd":
        return
    idle = _changed_fields(optimizer, "momentum_form", "ema_init")
    if optimizer.momentum == 0 and idle:
        sentence = f"The optimizer has no momentum, so {_listed(idle)} have no effect."
        yield IneffectiveSetting(sentence, 'Give "momentum" in optimizer, such as 0.9.')
    elif optimizer.momentum_form != "ema" and "ema_init" in idle:
        sentence = f"ema_init has no effect with the momentum form '{optimizer.momentum_form}'."
        yield IneffectiveSetting(sentence, 'Set "momentum_form": "ema" in optimizer, or leave ema_init out.')


NEUTRAL: dict[str, dict[str, tuple[float, str]]] = {
    "class_weights": {"beta": (0.0, "all classes weigh the same")},
    "loss": {
        "gamma": (0.0, "the loss is cross-entropy, apart from alpha"),
        "tau": (0.0, "the loss is cross-entropy"),
    },
    "balancing": {
        "target_ratio": (0.0, "the classes are drawn as they are"),
        "max_growth": (1.0, "no class can grow"),
    },
    "prediction": {"tau": (0.0, "the predictions are not corrected")},
}
"""For each field of a spec: a field of its variants, the value that has no effect, and the consequence."""


def neutral_values(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    for part, fields in NEUTRAL.items():
        for field, (value, consequence) in fields.items():
            if getattr(getattr(spec, part), field, None) == value:
                sentence = f"With {field} {value:g} in {part}, {consequence}."
                yield IneffectiveSetting(sentence, f"Give another {field}, or leave {part} out.")
    imbalance = spec.dataset.imbalance
    if imbalance and imbalance.ratio == 1:
        sentence = "With ratio 1 in dataset.imbalance, no row is left out."
        yield IneffectiveSetting(sentence, "Give a larger ratio, or leave imbalance out.")


def equal_weights(spec: ExperimentSpec) -> Iterator[IneffectiveSetting]:
    weights = spec.class_weights
    if isinstance(weights, GivenWeights) and len(set(weights.weights)) == 1:
        sentence = "The class weights are all equal, and only their ratios matter: they change nothing."
        yield IneffectiveSetting(sentence, "Give different weights, or leave class_weights out.")


def prediction_without_effect(
    spec: ExperimentSpec, class_counts: Array, sampled_counts: Array
) -> Iterator[IneffectiveSetting]:
    offset = spec.prediction.offset(class_counts, sampled_counts)
    if offset is None or getattr(spec.prediction, "tau", 1.0) == 0 or np.ptp(offset) > 1e-9:
        return
    if spec.prediction.name == "prior_corrected":
        why = "the balancing draws the classes in the proportions of the data"
    else:
        why = "every class is drawn equally often"
    sentence = f"The prediction '{spec.prediction.name}' corrects nothing: {why}."
    yield IneffectiveSetting(sentence, "Leave prediction out, or change the balancing.")


def loss_without_effect(spec: ExperimentSpec, sampled_counts: Array) -> Iterator[IneffectiveSetting]:
    if not isinstance(spec.loss, BalancedSoftmax | LogitAdjustment) or np.ptp(sampled_counts) > 1e-9:
        return
    sentence = (
        f"The loss '{spec.loss.name}' is cross-entropy here: it follows how often each class is drawn, and every "
        "class is drawn equally often."
    )
    balanced = spec.balancing.name != "none"
    remedy = "Keep the loss or the balancing, not both." if balanced else "Use cross_entropy."
    yield IneffectiveSetting(sentence, remedy)


FINDERS: tuple[Finder, ...] = (
    warmup_outlasts_training,
    step_after_the_end,
    schedule_changes_nothing,
    patience_outlasts_training,
    min_delta_out_of_reach,
    without_hidden_layers,
    momentum_of_zero,
    neutral_values,
    equal_weights,
)

OF_SOLVED_MODELS: tuple[Finder, ...] = (steps_of_a_solved_model, neutral_values, equal_weights)


def _after_warmup(schedule: AnySchedule) -> tuple[AnySchedule, float]:
    """The schedule that follows a warm-up, and the epochs of the warm-up: 0 if there is none."""
    if isinstance(schedule, Warmup):
        return schedule.then, schedule.epochs
    return schedule, 0.0


def _changed_fields(variant: Any, *names: str) -> list[str]:
    """The fields among `names` that differ from their defaults."""
    default = type(variant)()
    return [name for name in names if getattr(variant, name) != getattr(default, name)]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
