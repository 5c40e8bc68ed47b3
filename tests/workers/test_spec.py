"""The spec: its defaults, its short forms, and the errors, each with its path and its remedy."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from workers.spec import ExperimentSpec
from workers.spec_rules import broken_rules
from workers.validation.errors import FieldError, to_field_errors

DESIGNED = """
{"name": "digits-focal", "tags": ["demo"], "priority": 0,
 "dataset": {"name": "digits", "imbalance": {"kind": "step", "ratio": 100}},
 "split": {"train": 0.7, "validation": 0.2, "test": 0.1, "stratify": true, "seed": 0},
 "scaling": "standard",
 "balancing": {"name": "oversample"}, "class_weights": "none",
 "model": {"hidden": [128], "activation": "relu", "dropout": 0.2, "batch_norm": true},
 "loss": {"name": "focal", "gamma": 2.0},
 "optimizer": {"name": "adam", "learning_rate": 0.001},
 "training": {"epochs": 20, "batch_size": 64, "early_stopping": {"metric": "balanced_accuracy", "patience": 5}},
 "seeds": [0, 1, 2]}
"""


def rejected(given: Any) -> list[FieldError]:
    with pytest.raises(ValidationError) as refused:
        ExperimentSpec.model_validate(given)
    return to_field_errors(refused.value, ExperimentSpec)


def test_the_empty_spec_is_the_bundled_digits_split_70_20_10() -> None:
    spec = ExperimentSpec()
    assert spec.dataset.name == "digits"
    assert spec.split.ratios == {"train": 0.7, "validation": 0.2, "test": 0.1}
    assert (spec.model.name, spec.loss.name, spec.optimizer.name) == ("mlp", "cross_entropy", "adam")
    assert spec.seeds == (0,)


def test_the_designed_spec_survives_a_round_trip_through_json() -> None:
    spec = ExperimentSpec.model_validate_json(DESIGNED)
    assert spec.model.batch_norm
    assert spec.training.early_stopping
    assert ExperimentSpec.model_validate(json.loads(spec.model_dump_json())) == spec


def test_a_bare_name_means_the_variant_with_its_defaults() -> None:
    bare = ExperimentSpec.model_validate({"loss": "focal", "dataset": "iris", "model": "convnet"})
    spelt = {"loss": {"name": "focal"}, "dataset": {"name": "iris"}, "model": {"name": "convnet"}}
    assert bare == ExperimentSpec.model_validate(spelt)


def test_replicates_are_short_for_the_first_seeds() -> None:
    assert ExperimentSpec.model_validate({"replicates": 3}).seeds == (0, 1, 2)


def test_replicates_of_null_are_none() -> None:
    assert ExperimentSpec.model_validate({"replicates": None}).seeds == (0,)
    assert ExperimentSpec.model_validate({"replicates": None, "seeds": [4]}).seeds == (4,)


def test_the_hash_is_of_what_determines_the_numbers() -> None:
    spec = ExperimentSpec()
    same = ExperimentSpec.model_validate({"name": "again", "tags": ["x"], "priority": 9})
    other = ExperimentSpec.model_validate({"training": {"epochs": 21}})
    assert spec.spec_hash == same.spec_hash != other.spec_hash


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"loss": "focall"}, "loss", "did you mean 'focal'?"),
    ({"loss": {"name": "focal", "gama": 1}}, "loss.gama", "did you mean 'gamma'?"),
    ({"los": "focal"}, "los", "did you mean 'loss'?"),
    ({"loss": {"gamma": 1}}, "loss", '"name" is missing'),
    ({"loss": {"name": "l2", "output": "cosine"}}, "loss.output", "'linear', 'sigmoid' or 'softmax'"),
    ({"optimizer": {"name": "adam", "learning_rate": -1}}, "optimizer.learning_rate", "greater than 0"),
    ({"optimizer": {"name": "adam", "learning_rate": "1"}}, "optimizer.learning_rate", "number"),
    ({"optimizer": {"name": "adam", "learning_rate": float("nan")}}, "optimizer.learning_rate", "finite"),
    ({"model": {"hidden": [64, 0]}}, "model.hidden[1]", "greater than or equal to 1"),
    ({"model": {"hiden": [64]}}, "model.hiden", "did you mean 'hidden'?"),
    ({"model": {"activation": "rely"}}, "model.activation", "did you mean 'relu'?"),
    ({"model": {"activation": {"name": "leaky_relu", "slop": 1}}}, "model.activation.slop", "'slope'"),
    ({"model": {"dropout": 1.0}}, "model.dropout", "less than 1"),
    ({"model": {"batch_norm": True, "layer_norm": True}}, "model", "exclude each other"),
    ({"split": {"train": 0.7, "validation": 0.2, "test": 0.2}}, "split", "must sum to 1"),
    ({"split": {"trian": 0.7}}, "split.trian", "did you mean 'train'?"),
    ({"split": {"test": "official", "seed": -1}}, "split.seed", "greater than or equal to 0"),
    ({"dataset": {"name": "digits", "imbalance": {"knd": "step"}}}, "dataset.imbalance.knd", "'kind'"),
    ({"dataset": {"name": "synthetic", "counts": [10]}}, "dataset.counts", "at least 2 items"),
    ({"dataset": {"name": "../etc"}}, "dataset.name", "start with a letter or a digit"),
    ({"dataset": 3}, "dataset", "should be a name or an object"),
    ({"training": {"early_stopping": {"metric": "acuracy"}}}, "training.early_stopping.metric", "accuracy"),
    ({"training": {"epochs": 0}}, "training.epochs", "greater than or equal to 1"),
    ({"training": {"epochs": True}}, "training.epochs", "should be a whole number"),
    ({"training": {"schedule": {"name": "warmup", "then": "cosin"}}}, "training.schedule.then", "'cosine'"),
    ({"class_weights": {"name": "given"}}, "class_weights.weights", "required"),
    ({"seeds": []}, "seeds", "at least 1"),
    ({"seeds": [1, 1]}, "", "seeds repeat"),
    ({"seeds": [0], "replicates": 2}, "", "both given"),
    ({"replicates": 0}, "", "whole number from 1 to 100"),
    ({"tags": ["a b"]}, "tags[0]", "letters, digits and"),
    ({"tags": "a"}, "tags", "should be a list"),
    ({"seeds": None}, "seeds", "should be a list"),
    ({"split": 3}, "split", "should be an object"),
    ({"loss": None}, "loss", "should be a name or an object"),
    ({"training": {"early_stopping": True}}, "training.early_stopping", "should be an object"),
    ({"model": {"batch_norm": 1}}, "model.batch_norm", "should be true or false"),
    ({"loss": {"name": "barron", "alpha": "x"}}, "loss.alpha", "should be a number, or '-inf'"),
    ({"priority": 1001}, "priority", "less than or equal to 1000"),
]


@pytest.mark.parametrize(("given", "path", "remedy"), REFUSED, ids=[json.dumps(case[0]) for case in REFUSED])
def test_an_error_has_its_path_and_a_correction(given: dict[str, Any], path: str, remedy: str) -> None:
    found = rejected(given)
    assert [error.path for error in found] == [path]
    assert remedy in found[0].message


def test_all_errors_are_reported_at_once() -> None:
    given = {"loss": "x", "optimizer": "y", "training": {"epochs": 0, "batch_size": 0}, "q": 1}
    paths = {error.path for error in rejected(given)}
    assert paths == {"loss", "optimizer", "training.epochs", "training.batch_size", "q"}


def test_something_other_than_an_object_is_refused() -> None:
    assert rejected([1])[0].path == ""


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"model": {"batch_norm": True}, "training": {"batch_size": 1}}, "training.batch_size"),
        (
            {"loss": "l2", "training": {"early_stopping": {"metric": "nll"}}},
            "training.early_stopping.metric",
        ),
    ],
)
def test_rules_across_fields_name_the_field_to_change(given: dict[str, Any], path: str) -> None:
    assert [error.path for error in broken_rules(ExperimentSpec.model_validate(given))] == [path]


@pytest.mark.parametrize(
    "given",
    [
        {"model": {"batch_norm": True}, "training": {"batch_size": 2}},
        {"loss": "ldam", "training": {"early_stopping": {"metric": "nll"}}},
        {"loss": "l2", "training": {"early_stopping": {"metric": "loss"}}},
    ],
)
def test_a_spec_that_breaks_no_rule_is_accepted(given: dict[str, Any]) -> None:
    assert broken_rules(ExperimentSpec.model_validate(given)) == []
