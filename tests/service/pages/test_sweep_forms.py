"""The form of a sweep: texts become a request, and a stored sweep becomes the same texts again."""

from typing import Any

import pytest

from service.pages.forms import UnusableText, form_of, spec_of
from service.pages.sweep_forms import FIELDS, SweepForm, rows_shown, split_values, suggested_paths, sweep_of
from service.pages.sweep_forms import form_of as form_of_sweep
from workers.spec import ExperimentSpec
from workers.sweeps.request import SweepRequest


def row(number: int, path: str, kind: str, values: str, levels: str = "") -> dict[str, str]:
    cells = {"path": path, "range": kind, "values": values, "levels": levels}
    return {f"{name}_{number}": text for name, text in cells.items()}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1, 0.01", [0.1, 0.01]),
        ("cross_entropy, focal", ["cross_entropy", "focal"]),
        ("[64], [128, 64]", [[64], [128, 64]]),
        (
            'focal, {"name": "focal", "gamma": {"uniform": [0, 5]}}',
            ["focal", {"name": "focal", "gamma": {"uniform": [0, 5]}}],
        ),
        ('"a, b", c', ["a, b", "c"]),
        ("]", ["]"]),
        (", ,", []),
        ("", []),
    ],
)
def test_commas_separate_values_but_not_within_brackets(text: str, values: list[Any]) -> None:
    assert split_values(text) == values


def test_each_row_of_the_form_is_a_range() -> None:
    form = {
        **row(0, "optimizer.learning_rate", "log", "0.001 to 0.1", "3"),
        **row(1, "loss", "choices", "cross_entropy, focal"),
        **row(2, "training.epochs", "integers", "2, 9"),
        **row(3, " ", "choices", "1"),
        "extra": '{"loss.gamma": {"uniform": [0, 5]}}',
        "name": "mine",
        "dataset": "iris",
        "epochs": "3",
        "strategy": "random",
        "candidates": "4",
        "strategy_options": "seed=3",
    }
    assert sweep_of(form) == {
        "name": "mine",
        "spec": {"dataset": "iris", "training": {"epochs": 3}},
        "space": {
            "optimizer.learning_rate": {"log": [0.001, 0.1], "levels": 3},
            "loss": ["cross_entropy", "focal"],
            "training.epochs": {"integers": [2, 9]},
            "loss.gamma": {"uniform": [0, 5]},
        },
        "strategy": {"name": "random", "seed": 3},
        "candidates": 4,
    }


def test_the_form_of_a_stored_sweep_gives_the_same_request_again() -> None:
    request = SweepRequest.model_validate(
        {
            "name": "first",
            "spec": {"dataset": "iris", "loss": {"name": "focal", "gamma": 3}, "seeds": [1, 2]},
            "space": {
                "optimizer.learning_rate": {"log": [0.001, 0.1], "levels": 3},
                "balancing": ["none", {"name": "oversample"}],
                "model.hidden[0]": {"integers": [16, 64], "step": 16},
                **{f"split.{name}": {"uniform": [0.1, 0.2]} for name in ("a", "b", "c", "d", "e", "f", "g")},
            },
            "strategy": {"name": "latin_hypercube", "seed": 7},
            "candidates": 5,
        }
    )
    stored = request.model_dump(mode="json")
    form = form_of_sweep({**stored, "settings": stored["strategy"], "candidates": 4, "repeated": 1})
    assert SweepRequest.model_validate(sweep_of(form)) == request
    assert rows_shown(form) == FIELDS
    assert SweepForm(**form).model_dump().items() >= form.items()


def test_what_the_form_says_counts_more_than_the_copied_rest() -> None:
    given = {"dataset": {"name": "digits", "imbalance": {"ratio": 20}}, "training": {"batch_size": 7}}
    stored = ExperimentSpec.model_validate(given).model_dump(mode="json")
    stored["dataset"]["sha256"] = "0" * 64
    form = form_of(stored)
    assert spec_of(form)["dataset"]["sha256"] == "0" * 64
    changed = spec_of(form | {"epochs": "3", "dataset": "iris"})
    assert (changed["training"]["epochs"], changed["training"]["batch_size"]) == (3, 7)
    assert (changed["dataset"]["name"], changed["dataset"]["imbalance"]["ratio"]) == ("iris", 20)
    assert "sha256" not in changed["dataset"]


def test_a_field_that_cannot_be_read_is_named() -> None:
    for form, name in (({"extra": "[]"}, "extra"), ({"candidates": "many"}, "candidates")):
        with pytest.raises(UnusableText, match=name):
            sweep_of(form)


def test_paths_of_every_variant_are_suggested() -> None:
    field = {"name": "gamma"}
    catalog = {
        kind: [{"fields": [field]}]
        for kind in ("losses", "optimizers", "balancing", "models", "class_weights", "scaling")
    }
    paths = suggested_paths(
        {**catalog, "training": [{"fields": [field]}], "imbalance": [{"fields": [field]}]}
    )
    assert {"loss", "loss.gamma", "training.gamma", "dataset.imbalance.gamma"} <= set(paths)
