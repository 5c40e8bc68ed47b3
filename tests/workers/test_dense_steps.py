"""Steps that are taken together have the bits of steps taken one by one, and end where those end."""

from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers import dense_steps, step
from workers.spec import ExperimentSpec
from workers.training import Diverged, Trainer

pytestmark = pytest.mark.usefixtures("every_kernel_set")

TOGETHER: dict[str, dict[str, Any]] = {
    "defaults": {},
    "deep": {"model": {"name": "mlp", "hidden": [9, 8, 7], "activation": "leaky_relu"}},
    "no hidden layer": {"model": {"name": "mlp", "hidden": []}},
    "double precision": {"training": {"precision": "float64"}},
    "label smoothing": {"loss": {"name": "cross_entropy", "label_smoothing": 0.1}},
    "offsets": {"loss": "balanced_softmax"},
    "adamw": {"optimizer": {"name": "adamw", "weight_decay": 0.0}},
    "schedule": {"training": {"schedule": "cosine"}},
    "oversampling": {"balancing": "oversample"},
}
ONE_BY_ONE: dict[str, dict[str, Any]] = {
    "weight decay": {"optimizer": {"name": "adamw", "weight_decay": 0.01}},
    "momentum": {"optimizer": "sgd"},
    "smooth activation": {"model": {"name": "mlp", "activation": "tanh"}},
    "batch norm": {"model": {"name": "mlp", "batch_norm": True}},
    "class weights": {"class_weights": "inverse_frequency"},
    "focal": {"loss": "focal"},
    "clipping": {"training": {"clip_norm": 1.0}},
    "accumulation": {"training": {"accumulate": 2}},
    "mixing": {"balancing": "smote"},
    "a large network": {"model": {"name": "mlp", "hidden": [65_536]}, "training": {"batch_size": 32}},
}


def trainer(given: dict[str, Any], parts: TrainingAndValidation) -> Trainer:
    training = {"epochs": 2, "batch_size": 8, **given.get("training", {})}
    return Trainer(
        ExperimentSpec.model_validate({**given, "dataset": "iris", "training": training}), *parts, seed=0
    )


def outcome(trained: Trainer) -> tuple[bytes, list[Any], int]:
    """The state at the end, what the epochs say of their last steps, and how often the loop could be interrupted."""
    looks: list[None] = []
    epochs = [
        (each.gradient_norm, each.learning_rate, each.training.metrics)
        for each in trained.epochs(lambda: looks.append(None))
    ]
    return trained.checkpoint().to_bytes(), epochs, len(looks)


@pytest.mark.parametrize("given", TOGETHER.values(), ids=TOGETHER)
def test_steps_together_have_the_bits_of_single_ones(
    given: dict[str, Any], iris: TrainingAndValidation, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, epochs, looks = outcome(trainer(given, iris))
    monkeypatch.setattr(dense_steps, "MOST_STEPS", 1)
    expected_state, expected_epochs, single_looks = outcome(trainer(given, iris))
    assert state == expected_state
    assert epochs == expected_epochs
    assert (looks, single_looks > looks) == (len(epochs), True)  # once an epoch, before its only call


def test_many_steps_are_taken_in_several_calls(
    iris: TrainingAndValidation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command or a checkpoint waits for a call, and comes between two of them."""
    expected_state, expected_epochs, _ = outcome(trainer({}, iris))
    monkeypatch.setattr(dense_steps, "MOST_STEPS", 4)
    state, epochs, looks = outcome(trainer({}, iris))
    assert (state, epochs) == (expected_state, expected_epochs)
    assert looks > 2


@pytest.mark.parametrize("given", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_other_steps_are_taken_one_by_one(given: dict[str, Any], iris: TrainingAndValidation) -> None:
    trained = trainer(given, iris)
    draw = trained.sampler(np.random.default_rng(0), np.random.default_rng(0))
    batch = trained.spec.training.batch_size
    steps = step.split_into_steps(len(draw), batch, trained.spec.training.accumulate)
    rates = [0.001] * len(steps)
    assert trained.stepper.take(trained.task.objective(0.0), draw, steps, 0, 0, rates) == 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_not_finite_ends_both_at_the_same_step(
    iris: TrainingAndValidation, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"optimizer": {"name": "adam", "learning_rate": 1e20}}
    messages = []
    for most in (dense_steps.MOST_STEPS, 1):
        monkeypatch.setattr(dense_steps, "MOST_STEPS", most)
        with pytest.raises(Diverged) as diverged:
            list(trainer(given, iris).epochs())
        messages.append(str(diverged.value))
    assert messages[0] == messages[1]
    assert "step" in messages[0]
