"""The plan: the facts that follow from a spec and its data, the errors, and the warnings."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from workers.data.registry import DatasetRegistry
from workers.method_warnings import CHECKS
from workers.nn import mixed_precision
from workers.nn.mixed_precision import EmulatedProducts
from workers.nn.network import build_network
from workers.plan import MOST_PARAMETERS, Plan, make_plan
from workers.spec import ExperimentSpec
from workers.spec_rules import broken_selection
from workers.training import Trainer
from workers.validation.errors import InvalidSpec

SKEWED = {"name": "synthetic", "counts": [900, 100], "features": 4}


def plan(registry: DatasetRegistry, **given: Any) -> Plan:
    return make_plan(ExperimentSpec.model_validate(given), registry)


def rejected(registry: DatasetRegistry, **given: Any) -> dict[str, str]:
    with pytest.raises(InvalidSpec) as refused:
        plan(registry, **given)
    return {error.path: error.message for error in refused.value.field_errors}


def codes(registry: DatasetRegistry, **given: Any) -> set[str]:
    return {warning.code for warning in plan(registry, **given).warnings}


def test_the_content_is_pinned_and_a_pinned_spec_resolves_to_itself(registry: DatasetRegistry) -> None:
    first = plan(registry)
    assert first.spec.dataset.sha256 == registry.load(first.spec.dataset).sha256
    assert make_plan(first.spec, registry).spec == first.spec
    assert (
        first.spec.spec_hash == plan(registry, dataset={"sha256": first.spec.dataset.sha256}).spec.spec_hash
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"balancing": "oversample", "dataset": SKEWED},
        {"balancing": "undersample", "dataset": SKEWED, "training": {"epochs": 2, "accumulate": 3}},
        {"model": {"name": "convnet", "batch_norm": True}},
        {"loss": "ldam", "model": {"hidden": [], "layer_norm": True}},
    ],
)
def test_parameters_and_steps_are_those_of_the_training_to_come(
    given: dict[str, Any], registry: DatasetRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.step.plan_dense_steps", lambda *_: None)  # several steps in one call
    given = {"training": {"epochs": 2}} | given
    planned = plan(registry, **given)
    parts = registry.prepare_split(planned.spec.dataset, planned.spec.split)
    trainer = Trainer(planned.spec, parts.read("train"), parts.read("validation"), seed=0)
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    list(trainer.epochs(count))
    assert (planned.parameters, planned.steps) == (trainer.network.parameters.size, steps)


def test_the_split_counts_are_those_of_the_parts(registry: DatasetRegistry) -> None:
    planned = plan(registry, dataset={"name": "digits", "imbalance": {"kind": "exponential", "ratio": 20}})
    parts = registry.prepare_split(planned.spec.dataset, planned.spec.split)
    for part in ("train", "validation"):
        assert planned.split_counts[part] == parts.read(part).counts.tolist()
    assert planned.split_counts["train"][0] > 10 * planned.split_counts["train"][-1]
    assert sum(planned.split_counts["test"]) == len(
        registry.test_part(planned.spec.dataset, planned.spec.split)
    )


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"dataset": "digitz"}, "dataset.name", "'digits'"),
    ({"dataset": {"name": "iris", "sha256": "0" * 64}}, "dataset.sha256", "has changed"),
    ({"split": {"test": "official"}}, "split.test", "no official test part"),
    ({"dataset": {"name": "synthetic", "counts": [2, 50]}}, "split", "class '0' has 2 rows"),
    ({"dataset": "iris", "model": "convnet"}, "model", "image"),
    ({"model": {"hidden": [65536, 65536]}}, "model", f"at most {MOST_PARAMETERS:,}"),
    ({"class_weights": {"name": "given", "weights": [1, 2]}}, "class_weights", "10 classes"),
    ({"loss": {"name": "focal", "alpha": [1, 2]}}, "loss", "10 classes"),
    (
        {"dataset": {"name": "synthetic", "counts": [90, 6]}, "balancing": "smote"},
        "balancing",
        "nearest neighbours",
    ),
    ({"model": {"batch_norm": True}, "training": {"batch_size": 1}}, "training.batch_size", "2 rows"),
    ({"model": "linear", "loss": "focal"}, "loss", '"hidden": []'),
    (
        {"model": "linear", "loss": {"name": "cross_entropy", "label_smoothing": 0.1}},
        "loss.label_smoothing",
        "penalty l2",
    ),
    ({"model": "linear", "balancing": "smote"}, "balancing", "choose oversample"),
    (
        {"training": {"early_stopping": {"metric": "ece"}}},
        "training.early_stopping.metric",
        "use nll or brier",
    ),
    (
        {"dataset": "iris", "training": {"early_stopping": {"metric": "top_3_accuracy"}}},
        "training.early_stopping.metric",
        "3 classes or fewer",
    ),
]


@pytest.mark.parametrize(("given", "path", "remedy"), REFUSED, ids=[case[1] for case in REFUSED])
def test_a_setting_that_the_data_do_not_allow_is_refused_at_its_field(
    given: dict[str, Any], path: str, remedy: str, registry: DatasetRegistry
) -> None:
    found = rejected(registry, **given)
    assert list(found) == [path]
    assert remedy in found[path]


@pytest.mark.parametrize(("counts", "refused"), [([18, 0, 0], True), ([18, 0, 1], False)])
def test_a_validation_part_of_one_class_ranks_no_epochs(counts: list[int], refused: bool) -> None:
    """A split without stratification can give one."""
    spec = ExperimentSpec.model_validate({"training": {"early_stopping": {"metric": "average_precision"}}})
    assert [error.path for error in broken_selection(spec, counts)] == [
        "training.early_stopping.metric"
    ] * refused


def test_errors_of_several_kinds_are_found_together(registry: DatasetRegistry) -> None:
    found = rejected(
        registry,
        class_weights={"name": "given", "weights": [1]},
        dataset="iris",
        model="convnet",
        training={"early_stopping": {"metric": "nll"}},
        loss="l2",
    )
    assert set(found) == {"class_weights", "model", "training.early_stopping.metric"}


@pytest.fixture(autouse=True)
def _with_products_of_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_precision, "products", EmulatedProducts)


WARNED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("one_seed", {}, {"seeds": [0, 1]}),
    ("one_seed", {}, {"split": "cross_validation"}),
    (
        "small_products",
        {"training": {"precision": "bfloat16"}},
        {"training": {"precision": "bfloat16", "batch_size": 1024}},
    ),
    ("seeds_without_effect", {"model": "linear", "seeds": [0, 1]}, {"model": "linear"}),
    ("few_validation_rows", {"dataset": SKEWED}, {}),
    ("few_validation_rows", {"dataset": SKEWED}, {"dataset": SKEWED, "split": "cross_validation"}),
    (
        "few_evaluation_rows",
        {"dataset": {"name": "synthetic", "counts": [900, 30]}, "split": "cross_validation"},
        {"dataset": {"name": "synthetic", "counts": [900, 60]}, "split": "cross_validation"},
    ),
    ("not_stratified", {"dataset": SKEWED, "split": {"stratify": False}}, {"dataset": SKEWED}),
    ("nothing_held_back", {"split": {"train": 0.8, "validation": 0.2, "test": 0}}, {}),
    ("far_from_training", {"dataset": "digits", "scaling": "standard"}, {"dataset": "digits"}),
    ("l1_collapses", {"loss": {"name": "l1", "output": "linear"}}, {"loss": "l1"}),
    (
        "large_weights_large_step",
        {
            "dataset": {"name": "synthetic", "counts": [2000, 100]},
            "class_weights": "inverse_frequency",
            "optimizer": {"name": "sgd", "learning_rate": 0.5},
        },
        {"dataset": SKEWED, "class_weights": "inverse_frequency"},
    ),
    (
        "accuracy_selects",
        {"dataset": SKEWED, "training": {"early_stopping": {"metric": "accuracy"}}},
        {"training": {"early_stopping": {"metric": "accuracy"}}},
    ),
    (
        "threshold_of_validation",
        {"dataset": "breast_cancer", "prediction": "threshold"},
        {
            "dataset": "breast_cancer",
            "prediction": "threshold",
            "split": {"name": "cross_validation", "folds": 3},
        },
    ),
    (
        "double_correction",
        {"dataset": SKEWED, "loss": "balanced_softmax", "class_weights": "inverse_frequency"},
        {"dataset": SKEWED, "loss": "balanced_softmax", "balancing": "oversample"},
    ),
    (
        "weights_without_effect",
        {"dataset": SKEWED, "balancing": "oversample", "class_weights": "inverse_frequency"},
        {"dataset": SKEWED, "class_weights": "inverse_frequency"},
    ),
    ("without_effect", {"training": {"epochs": 10, "schedule": "step"}}, {}),
    (
        "class_missing",
        {
            "dataset": {"name": "synthetic", "counts": [300, 4]},
            "split": {"stratify": False, "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 0},
        },
        {},
    ),
]


@pytest.mark.parametrize(
    ("code", "given", "harmless"), WARNED, ids=[f"{number}-{case[0]}" for number, case in enumerate(WARNED)]
)
def test_a_warning_is_given_exactly_if_it_applies(
    code: str, given: dict[str, Any], harmless: dict[str, Any], registry: DatasetRegistry
) -> None:
    assert code in codes(registry, **given)
    assert code not in codes(registry, **harmless)


def test_every_check_has_its_case() -> None:
    with_outliers = {"outliers_pull_the_mean"}  # in tests/workers/tasks/test_warnings.py
    assert {check.__name__ for check in CHECKS} - with_outliers == {code for code, _, _ in WARNED}


def test_a_warning_is_a_sentence_with_a_remedy(registry: DatasetRegistry) -> None:
    for code, given, _ in WARNED:
        warning = next(each for each in plan(registry, **given).warnings if each.code == code)
        assert warning.sentence.endswith(".")
        assert warning.remedy.endswith(".")


@pytest.mark.parametrize("name", ["argmax", "logit_adjusted", "prior_corrected"])
def test_a_prediction_that_corrects_nothing_changes_nothing(name: str) -> None:
    """On equal counts the offsets are the same for all classes: no argmax and no softmax changes."""
    spec = ExperimentSpec.model_validate({"prediction": name})
    offset = spec.prediction.offset(np.array([5, 5, 5]), np.array([7.0, 7.0, 7.0]))
    assert offset is None or np.ptp(offset) == pytest.approx(0, abs=1e-12)


def test_prior_correction_gives_the_posterior_of_the_original_classes() -> None:
    """Bayes by hand: likelihoods .2 and .6; priors as sampled 1/2, 1/2, and as in the data 9/10, 1/10."""
    prediction = ExperimentSpec.model_validate({"prediction": "prior_corrected"}).prediction
    sampled = np.log([0.2 * 0.5, 0.6 * 0.5])
    corrected = np.exp(sampled + prediction.offset(np.array([900, 100]), np.array([900.0, 900.0])))
    np.testing.assert_allclose(corrected / corrected.sum(), [0.18 / 0.24, 0.06 / 0.24])


def test_logit_adjustment_with_tau_1_moves_a_posterior_to_equal_priors() -> None:
    prediction = ExperimentSpec.model_validate({"prediction": "logit_adjusted"}).prediction
    logits = np.log([0.2 * 0.9, 0.6 * 0.1])
    adjusted = np.exp(logits + prediction.offset(np.array([900, 100]), np.array([900.0, 100.0])))
    np.testing.assert_allclose(adjusted / adjusted.sum(), [0.25, 0.75])


def test_the_network_of_a_cosine_loss_takes_its_scale() -> None:
    spec = ExperimentSpec.model_validate({"loss": {"name": "ldam", "scale": 7.0}})
    task = spec.network_task(features=4, classes=3, image_shape=None)
    stream = np.random.default_rng(0)
    logits = build_network(spec.model, task, init=stream, dropout=stream).logits(np.ones((2, 4), np.float32))
    assert task.output == "cosine"
    assert np.abs(logits).max() <= 7.0


def test_a_plan_loads_no_compiled_kernels() -> None:
    """A client waits for it, and loading them takes seconds."""
    program = """
import sys, tempfile
from pathlib import Path
from workers.data.registry import DatasetRegistry
from workers.plan import make_plan
from workers.spec import ExperimentSpec
make_plan(ExperimentSpec.model_validate({"dataset": "iris"}), DatasetRegistry(Path(tempfile.mkdtemp())))
sys.exit("numba" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
