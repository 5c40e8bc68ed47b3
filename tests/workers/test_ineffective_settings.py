"""Settings that can never take effect: each is reported exactly if it has no effect."""

from typing import Any

import numpy as np
import pytest

from workers.ineffective_settings import find_ineffective_settings
from workers.spec import ExperimentSpec

COUNTS = np.array([90.0, 10.0])


def sentences(sampled: Any = COUNTS, **given: Any) -> list[str]:
    spec = ExperimentSpec.model_validate(given)
    return [each.sentence for each in find_ineffective_settings(spec, COUNTS, np.asarray(sampled))]


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "warm-up lasts 30 epochs",
        {"training": {"epochs": 20, "schedule": {"name": "warmup", "epochs": 30}}},
        {"training": {"epochs": 20, "schedule": {"name": "warmup", "epochs": 5}}},
    ),
    (
        "after every 10 epochs",
        {"training": {"epochs": 10, "schedule": "step"}},
        {"training": {"epochs": 11, "schedule": "step"}},
    ),
    (
        "only 8 are trained",
        {"training": {"epochs": 12, "schedule": {"name": "warmup", "epochs": 4, "then": "step"}}},
        {"training": {"epochs": 15, "schedule": {"name": "warmup", "epochs": 4, "then": "step"}}},
    ),
    (
        "multiplies the learning rate by 1",
        {"training": {"schedule": {"name": "cosine", "floor": 1.0}}},
        {"training": {"schedule": "cosine"}},
    ),
    (
        "waits for 5 epochs",
        {"training": {"epochs": 6, "early_stopping": {"patience": 5}}},
        {"training": {"epochs": 7, "early_stopping": {"patience": 5}}},
    ),
    (
        "No balanced_accuracy can improve",
        {"training": {"early_stopping": {"min_delta": 1.0}}},
        {"training": {"early_stopping": {"min_delta": 1.0, "metric": "loss"}}},
    ),
    (
        "dropout and activation of model apply to nothing",
        {"model": {"hidden": [], "dropout": 0.5, "activation": "tanh"}},
        {"model": {"hidden": [], "input_dropout": 0.5}},
    ),
    (
        "not trained in steps, so optimizer, epochs, batch_size and patience have no effect",
        {
            "model": "linear",
            "optimizer": "sgd",
            "training": {"epochs": 50, "batch_size": 8, "early_stopping": {"patience": 3}},
        },
        {"model": "linear", "training": {"epochs": 1, "early_stopping": {"metric": "accuracy"}}},
    ),
    (
        "no momentum",
        {"optimizer": {"name": "sgd", "momentum_form": "nesterov"}},
        {"optimizer": {"name": "sgd", "momentum_form": "nesterov", "momentum": 0.9}},
    ),
    (
        "ema_init has no effect",
        {"optimizer": {"name": "sgd", "momentum": 0.9, "ema_init": "first_gradient"}},
        {"optimizer": {"name": "sgd", "momentum": 0.9, "momentum_form": "ema", "ema_init": "first_gradient"}},
    ),
    (
        "all classes weigh the same",
        {"class_weights": {"name": "effective_number", "beta": 0.0}},
        {"class_weights": {"name": "effective_number", "beta": 0.9}},
    ),
    ("cross-entropy", {"loss": {"name": "focal", "gamma": 0.0}}, {"loss": "focal"}),
    (
        "as they are",
        {"balancing": {"name": "oversample", "target_ratio": 0.0}},
        {"balancing": "oversample"},
    ),
    (
        "no row is left out",
        {"dataset": {"name": "digits", "imbalance": {"ratio": 1.0}}},
        {"dataset": {"name": "digits", "imbalance": {"ratio": 2.0}}},
    ),
    (
        "all equal",
        {"class_weights": {"name": "given", "weights": [2, 2]}},
        {"class_weights": {"name": "given", "weights": [2, 1]}},
    ),
    (
        "in the proportions of the data",
        {"prediction": "prior_corrected"},
        {"prediction": "logit_adjusted"},
    ),
]


@pytest.mark.parametrize(("part", "idle", "effective"), CASES, ids=[case[0] for case in CASES])
def test_a_setting_is_reported_exactly_if_it_has_no_effect(
    part: str, idle: dict[str, Any], effective: dict[str, Any]
) -> None:
    assert any(part in sentence for sentence in sentences(**idle))
    assert not sentences(**effective)


def test_a_correction_of_equal_frequencies_is_named() -> None:
    for loss in ("balanced_softmax", "logit_adjustment"):
        assert "is cross-entropy here" in sentences([90.0, 90.0], loss=loss, balancing="oversample")[0]
        assert not sentences(loss=loss)
    assert not sentences([90.0, 90.0], loss="ldam", balancing="oversample")
    assert "equally often" in sentences([90.0, 90.0], prediction="logit_adjusted")[0]
    assert not sentences([90.0, 90.0], prediction="prior_corrected")
    assert not sentences()


@pytest.mark.parametrize(
    ("patience", "epochs", "stops"), [(5, 6, False), (5, 7, True), (1, 2, False), (1, 3, True)]
)
def test_patience_is_reported_exactly_if_no_run_can_stop_early(
    patience: int, epochs: int, stops: bool
) -> None:
    """The worst case: a run whose first epoch is its best."""
    from workers.evaluation.selection import BestEpoch

    best, trained = BestEpoch("accuracy", patience=patience), 0
    while trained < epochs and not best.should_stop:
        trained += 1
        best.update(trained, 1.0 / trained)
    given = {"epochs": epochs, "early_stopping": {"patience": patience}}
    assert (trained < epochs) is stops
    assert bool(sentences(training=given)) is not stops
