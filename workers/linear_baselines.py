"""The linear baselines of an experiment: the linear model of the same code, fitted to the same rows.

`linear` is fitted plainly. `linear_balanced` is fitted with the balancing, the class weights and the predictions of
the experiment, if these make a difference. Those of a regression are `ridge` and `ridge_balanced`, and two constants.
"""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from workers.data.balancing import Balancing, NoBalancing, Oversample, Smote
from workers.data.dataset import Dataset
from workers.data.far_rows import FarRowsCounter
from workers.data.scaling import Scaler
from workers.evaluation.baselines import Baseline, baseline_of_numbers, fitted_baseline
from workers.logit_adjustment import Argmax
from workers.nn.class_weights import NoWeights
from workers.nn.losses import L2, CrossEntropy, Loss
from workers.nn.models import Linear
from workers.nn.penalty_choice import representative_rows
from workers.random_division import compare_with_random_split
from workers.spec import ExperimentSpec, Training
from workers.spec_rules import LINEAR_LOSSES
from workers.tasks.regression import TargetScaler
from workers.thresholds import ThresholdRule
from workers.training import Trainer

PLAIN = ("linear", "ridge")
CHANGED = ("model", "balancing", "class_weights", "loss", "prediction")
"""The fields of a spec that a linear baseline may change."""


def linear_specs(spec: ExperimentSpec) -> dict[str, ExperimentSpec]:
    """The specs of the baselines by their names: what would train each of them as an experiment."""
    if spec.task == "regression":
        return _ridge_specs(spec)
    balanced = spec.model_copy(
        update={
            "model": Linear(),
            "loss": _linear_loss(spec),
            "balancing": _row_balancing(spec),
            "training": _unmixed(spec.training),
        }
    )
    plain = balanced.model_copy(
        update={
            "balancing": NoBalancing(),
            "class_weights": NoWeights(),
            "loss": CrossEntropy(),
            "prediction": spec.prediction if isinstance(spec.prediction, ThresholdRule) else Argmax(),
        }
    )
    return {"linear": plain} if plain == balanced else {"linear": plain, "linear_balanced": balanced}


def _ridge_specs(spec: ExperimentSpec) -> dict[str, ExperimentSpec]:
    training = _unmixed(spec.training)
    balanced = spec.model_copy(update={"model": Linear(), "loss": L2(), "training": training})
    plain = balanced.model_copy(update={"balancing": NoBalancing(), "class_weights": NoWeights()})
    return {"ridge": plain} if plain == balanced else {"ridge": plain, "ridge_balanced": balanced}


def constant_baselines(trainer: Trainer, measured: Dataset) -> tuple[Baseline, ...]:
    """The mean and the median of the training targets, for every row of a part; nothing for a classification.

    Oracle: sklearn.dummy.DummyRegressor.
    """
    targets = trainer.training_part.targets
    if trainer.spec.task != "regression" or targets is None:
        return ()
    scaler = TargetScaler.fit(targets)
    constants = {"mean": float(targets.mean()), "median": float(np.median(targets))}
    found = []
    for name, value in constants.items():
        logits = np.full((len(measured), 1), scaler.standardised(np.array(value)))
        evaluation, _ = trainer.task.evaluate(logits, measured, trainer.task.objective(0))
        found.append(baseline_of_numbers(name, evaluation, training_rows=len(targets), predicted_value=value))
    return tuple(found)


def changed_fields(spec: ExperimentSpec, wanted: ExperimentSpec) -> dict[str, Any]:
    """The fields in which `wanted` differs from `spec`, as a client would write them."""
    both = ((name, getattr(spec, name), getattr(wanted, name)) for name in CHANGED)
    return {name: _short_form(after) for name, before, after in both if before != after}


def figures_depend_on(name: str, spec: ExperimentSpec) -> dict[str, Any]:
    """All that the figures of a baseline with this spec depend on besides the rows, as JSON."""
    fields = {each: asdict(getattr(spec, each)) for each in ("preprocessing", "scaling", *CHANGED)}
    return {"name": name, "precision": spec.training.precision, **fields}


def fit_baseline(
    name: str, spec: ExperimentSpec, training_part: Dataset, validation_part: Dataset, scaler: Scaler
) -> Baseline:
    """Fit one of `linear_specs`, evaluated on the validation part. Deterministic, and a matter of seconds.

    It is fitted to about 10,000 rows at most, in proportion to the classes. If a column has divided the rows, a plain
    one is compared with another on a random split of the same rows.
    """
    fitted = _representative(training_part, scaler.width)
    selected_by_default = spec.model_copy(update={"training": replace(spec.training, early_stopping=None)})
    trainer = Trainer(selected_by_default, fitted, validation_part, seed=0, scaler=scaler)
    counter = FarRowsCounter(scaler)
    trainer.read_validation = counter.into
    (epoch,) = trainer.epochs()
    l2 = trainer.linear.l2 if trainer.linear else None
    baseline = fitted_baseline(name, epoch.validation, training_rows=len(fitted), l2=l2)
    far = counter.found(spec.scaling, validation_part.columns)

    def fit(train: Dataset, validation: Dataset) -> Trainer:
        again = Trainer(selected_by_default, _representative(train, scaler.width), validation, seed=0)
        for _ in again.epochs():
            pass
        return again

    on_random = compare_with_random_split(trainer, training_part, fit) if name in PLAIN else None
    return replace(baseline, far_rows=asdict(far) if far else None, random_split=on_random)


def _representative(training_part: Dataset, width: int) -> Dataset:
    """As many of the rows as a baseline is fitted to."""
    rows = representative_rows(training_part.labels, width)
    return training_part if len(rows) == len(training_part) else training_part.take(rows)


def _unmixed(training: Training) -> Training:
    """A linear model is solved, which bfloat16 is not precise enough for."""
    return replace(training, precision="float32") if training.is_mixed else training


def _linear_loss(spec: ExperimentSpec) -> Loss:
    """The loss of the experiment if a linear model can minimise it, else the cross-entropy."""
    return spec.loss if spec.loss.name in LINEAR_LOSSES[1:] else CrossEntropy()


def _row_balancing(spec: ExperimentSpec) -> Balancing:
    """The balancing of the experiment; oversampling in place of SMOTE, which makes new rows."""
    balancing = spec.balancing
    if isinstance(balancing, Smote):
        return Oversample(target_ratio=balancing.target_ratio, max_growth=balancing.max_growth)
    return balancing


def _short_form(variant: Any) -> Any:
    """The bare name of a variant if all of its fields have their defaults, else an object."""
    fields = asdict(variant)
    return variant.name if fields == asdict(type(variant)()) else fields
