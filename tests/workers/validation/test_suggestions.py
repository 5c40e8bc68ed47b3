"""Suggestions: other libraries' words lead to the right name wherever they are used, and are never accepted."""

from typing import Any

import pytest
from pydantic import ValidationError

from workers.catalog import KINDS, classes_of
from workers.evaluation.metrics import BY_NAME
from workers.spec import ExperimentSpec
from workers.tagged_union import name_of
from workers.validation.errors import to_field_errors
from workers.validation.locations import field_names, field_paths
from workers.validation.suggestions import SYNONYMS, did_you_mean, suggest

TRIED: list[tuple[dict[str, Any], str, str]] = [
    ({"optimizer": {"name": "adam", "lr": 0.1}}, "optimizer.lr", "learning_rate"),
    ({"optimizer": {"name": "adam", "eps": 0.1}}, "optimizer.eps", "epsilon"),
    ({"optimizer": "SGD"}, "optimizer", "sgd"),
    ({"lr": 0.1}, "lr", "optimizer.learning_rate"),
    ({"learning_rate": 0.1}, "learning_rate", "optimizer.learning_rate"),
    ({"epochs": 3}, "epochs", "training.epochs"),
    ({"training": {"lr": 0.1}}, "training.lr", "optimizer.learning_rate"),
    ({"training": {"bs": 8}}, "training.bs", "batch_size"),
    ({"training": {"n_epochs": 8}}, "training.n_epochs", "epochs"),
    ({"training": {"num_epochs": 8}}, "training.num_epochs", "epochs"),
    ({"training": {"early_stopping": {"metric": "f1"}}}, "training.early_stopping.metric", "macro_f1"),
    ({"loss": "mse"}, "loss", "l2"),
    ({"loss": "mae"}, "loss", "l1"),
    ({"loss": "ce"}, "loss", "cross_entropy"),
    ({"loss": "nll"}, "loss", "cross_entropy"),
    ({"loss": "softmax"}, "loss", "cross_entropy"),
    ({"loss": "CrossEntropyLoss"}, "loss", "cross_entropy"),
    ({"loss": "Focal-Loss"}, "loss", "focal"),
    ({"class_weights": "balanced"}, "class_weights", "inverse_frequency"),
    ({"class_weights": {"name": "manual", "weights": [1, 2]}}, "class_weights", "given"),
    ({"model": {"hidden_layer_sizes": [8]}}, "model.hidden_layer_sizes", "hidden"),
    ({"model": {"dropout_rate": 0.1}}, "model.dropout_rate", "dropout"),
    ({"model": {"bn": True}}, "model.bn", "batch_norm"),
    ({"model": "cnn"}, "model", "convnet"),
    ({"model": {"activation": "ReLU"}}, "model.activation", "relu"),
    ({"split": {"val": 0.2}}, "split.val", "validation"),
    ({"split": {"random_state": 1}}, "split.random_state", "seed"),
    ({"seed": 1}, "seed", "seeds"),
    ({"n_seeds": 3}, "n_seeds", "replicates"),
]


@pytest.mark.parametrize(("given", "path", "right"), TRIED, ids=[str(case[0]) for case in TRIED])
def test_a_synonym_leads_to_the_right_name(given: dict[str, Any], path: str, right: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ExperimentSpec.model_validate(given)
    [error] = to_field_errors(refused.value, ExperimentSpec)
    assert error.path == path
    assert f"did you mean {right!r}?" in error.message


def test_every_name_that_a_synonym_leads_to_is_one() -> None:
    variants = [cls for union in KINDS.values() for cls in classes_of(union)]
    known = {*field_names(ExperimentSpec), *field_paths(ExperimentSpec), *BY_NAME, "exponential"}
    known |= {name_of(cls) for cls in variants if "name" in field_names(cls)}
    known |= {"queued", "running", "succeeded", "failed", "cancelled"}
    assert SYNONYMS.keys() - known == set()


def test_a_right_name_is_its_own_suggestion() -> None:
    for name in SYNONYMS:
        assert suggest(name, list(SYNONYMS)) == name


def test_nothing_near_is_no_suggestion() -> None:
    assert did_you_mean("zzz", ["loss", "model"]) == ""
    assert did_you_mean("x", []) == ""
