"""The catalogue agrees with the declaration of every variant, and lacks none."""

import dataclasses
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workers.catalog import KINDS, Variant, catalog, classes_of
from workers.evaluation.metrics import SUMMARISED
from workers.spec import ExperimentSpec, Training

CLASSES = [cls for union in KINDS.values() for cls in classes_of(union)]


@pytest.fixture(scope="module")
def kinds() -> dict[str, list[Variant]]:
    return catalog()


def entries(kinds: dict[str, list[Variant]]) -> dict[type[Any], Variant]:
    """Each class with its entry."""
    pairs: dict[type[Any], Variant] = {}
    for kind, union in KINDS.items():
        pairs |= zip(classes_of(union), kinds[kind], strict=True)
    return pairs


def test_every_field_of_a_spec_that_takes_a_variant_has_its_kind() -> None:
    """A new union in the spec needs an entry in the catalogue."""
    listed = {cls for union in KINDS.values() for cls in classes_of(union)}
    for model in (ExperimentSpec, Training):
        schema = TypeAdapter(model).json_schema(ref_template="{model}")
        assert set(schema["$defs"]) <= {cls.__name__ for cls in listed}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_entry_has_every_field_with_its_default(cls: type[Any], kinds: dict[str, list[Variant]]) -> None:
    entry = entries(kinds)[cls]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    listed = {field.name: field for field in entry.fields}
    assert set(fields) - {"name"} <= set(listed) <= set(fields)
    adapter = TypeAdapter(cls)
    required: dict[str, Any] = {name: [1.0] for name, field in listed.items() if field.required}
    if "column" in required:
        required |= {"name": entry.name, "column": "day"}
    made = adapter.dump_python(adapter.validate_python(required), mode="json")
    for name, field in listed.items():
        if not field.required:
            assert field.default == made[name], name
    assert entry.description
    assert entry.summary
    assert "\n" not in entry.summary


def test_a_choice_says_when_to_make_it(kinds: dict[str, list[Variant]]) -> None:
    """Of the kinds from which one chooses by the problem; a sentence that no other variant has."""
    plain = {"preprocessing", "sources", "imbalance", "robustness", "training", "early_stopping"}
    chosen = [(kind, each) for kind, variants in kinds.items() if kind not in plain for each in variants]
    assert [(kind, each.name) for kind, each in chosen if not each.when] == []
    for kind in kinds.keys() - plain:
        said = [each.when for each in kinds[kind]]
        assert len(set(said)) == len(said), kind


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_bounds_of_an_entry_are_those_that_hold(cls: type[Any], kinds: dict[str, list[Variant]]) -> None:
    adapter = TypeAdapter(cls)
    for field in entries(kinds)[cls].fields:
        for bound, outside in (
            ("minimum", lambda value: value - 1),
            ("maximum", lambda value: value + 1),
            ("exclusiveMinimum", lambda value: value),
            ("exclusiveMaximum", lambda value: value),
            ("enum", lambda _: "something else"),
            ("const", lambda _: "something else"),
            ("pattern", lambda _: "\N{SNOWMAN}"),
        ):
            if bound in field.constraints:
                with pytest.raises(ValidationError):
                    adapter.validate_python({field.name: outside(field.constraints[bound])})


def test_a_field_that_takes_a_variant_names_its_kind(kinds: dict[str, list[Variant]]) -> None:
    mlp = next(each for each in kinds["models"] if each.name == "mlp")
    types = {field.name: field.type for field in mlp.fields}
    assert (types["activation"], types["initializer"], types["dropout"]) == (
        "activations",
        "initializers",
        "number",
    )
    then = next(f for each in kinds["schedules"] for f in each.fields if f.name == "then")
    assert (then.type, then.constraints) == ("schedules", {"enum": ["constant", "step", "cosine"]})


@pytest.mark.parametrize("kind", ["losses", "optimizers", "activations", "initializers"])
def test_a_formula_names_the_implementation_it_was_compared_with(
    kind: str, kinds: dict[str, list[Variant]]
) -> None:
    assert [each.name for each in kinds[kind] if not each.oracle] == []


def test_source_and_oracle_are_separated_from_the_description(kinds: dict[str, list[Variant]]) -> None:
    focal = next(each for each in kinds["losses"] if each.name == "focal")
    assert focal.source == "Lin et al. 2017, Focal loss for dense object detection."
    assert (focal.oracle or "").startswith("torch's cross_entropy")
    everything = [each for variants in kinds.values() for each in variants]
    assert [each.name for each in everything if "Source: " in each.description] == []
    assert [each.name for each in everything if "Oracle: " in each.description + each.summary] == []


def test_the_metrics_that_may_select_are_listed(kinds: dict[str, list[Variant]]) -> None:
    metrics = {each.name: each for each in kinds["selection_metrics"]}
    assert list(metrics) == [each.name for each in SUMMARISED]
    assert metrics["mcc"].source is not None
    assert {name for name, each in metrics.items() if each.oracle is None} == {"loss", "ece"}
    assert all("better" in each.summary and each.description for each in metrics.values())
