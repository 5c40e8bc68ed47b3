"""Messages about values use the terms of JSON, whichever of pydantic's errors they come from."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core._pydantic_core import (
    list_all_errors,  # every error that it may raise; documented nowhere else
)

from workers.catalog import KINDS, classes_of
from workers.spec import ExperimentSpec
from workers.tagged_union import name_of
from workers.validation.errors import to_field_errors
from workers.validation.locations import field_names
from workers.validation.messages import SENTENCES, SHOULD_BE, describe_error
from workers.validation.patterns import WORDS

PYTHON = re.compile(
    r"tuple|dictionar|instance|\bNone\b|\bTrue\b|\bFalse\b|integer|boolean|\bbool\b|\bint\b|float|keyword|"
    r"argument|\bInput\b|after validation|extract|attribute|discriminator|unable to|\bstr\b|dataclass|Value error|"
    r"\binf\b"
)
"""Words of Python that no message to a client may contain."""
WRONG: list[Any] = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "x",
    "",
    "\x00",
    "a" * 300,
    [],
    [None],
    [[]],
    ["a"],
    {},
    {"x": 1},
]
PLACES = {
    "losses": ("loss",),
    "class_weights": ("class_weights",),
    "balancing": ("balancing",),
    "optimizers": ("optimizer",),
    "schedules": ("training", "schedule"),
    "models": ("model",),
    "activations": ("model", "activation"),
    "initializers": ("model", "initializer"),
    "preprocessing": ("preprocessing",),
    "scaling": ("scaling",),
    "predictions": ("prediction",),
    "sources": ("dataset",),
    "imbalance": ("dataset", "imbalance"),
    "splits": ("split",),
    "split_orders": ("split", "by"),
    "robustness": ("robustness",),
    "training": ("training",),
    "early_stopping": ("training", "early_stopping"),
}


def wrong_specs() -> Iterator[dict[str, Any]]:
    """Every wrong value in the place of every field of a spec and of its variants."""
    for wrong in WRONG:
        yield from ({field: wrong} for field in field_names(ExperimentSpec) if field != "replicates")
        for kind, place in PLACES.items():
            for cls in classes_of(KINDS[kind]):
                named = {"name": name_of(cls)} if "name" in field_names(cls) else {}
                for field in (*(each.name for each in fields(cls)), "other"):
                    yield nested(place, {**named, field: wrong})


def nested(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    for step in reversed(place):
        value = {step: value}
    return copy.deepcopy(value)


def unquoted(message: str) -> str:
    """A message without quoted text, which is the client's own or a name."""
    return re.sub(r"'[^']*'", "", message)


def test_every_place_of_a_spec_is_tried() -> None:
    assert PLACES.keys() == KINDS.keys()


def test_no_message_about_a_wrong_value_uses_words_of_python() -> None:
    seen: set[tuple[int | str, ...]] = set()
    messages: set[tuple[str, str]] = set()
    for spec in wrong_specs():
        try:
            ExperimentSpec.model_validate(spec)
        except ValidationError as error:
            kinds = {(*detail["loc"], detail["type"]) for detail in error.errors(include_url=False)}
            if not kinds <= seen:  # the first of its kind at its place stands for the others
                messages |= {
                    (error.path, unquoted(error.message)) for error in to_field_errors(error, ExperimentSpec)
                }
            seen |= kinds
    assert len({kind for *_, kind in seen}) > 15
    assert {message for message in messages if PYTHON.search(message[1])} == set()
    assert not [path for path, _ in messages if "constrained" in path or "literal" in path]


UNREACHABLE = re.compile(
    "date|time|bytes|uuid|url|decimal|complex|fraction|is_|callable|positional|frozen|_attribute|json|counter|deque|"
    "sentinel|ellipsis|named_tuple|ordered|needs_python|default_factory|iteration|hashable|multiple_argument|depth"
)
"""No field of a spec and no parameter is of these types."""
ANSWERED_APART = {"union_tag_invalid", "union_tag_not_found", "assertion_error", "string_not_ascii"}
REACHABLE = [error for error in list_all_errors() if not UNREACHABLE.search(error["type"])]


@pytest.mark.parametrize("error", REACHABLE, ids=lambda error: error["type"])
def test_every_error_of_pydantic_that_a_client_may_cause_is_translated(error: Any) -> None:
    kind, context = error["type"], error["example_context"] or {}
    said = describe_error({"type": kind, "msg": error["message_template_python"], "ctx": context})
    assert kind in SHOULD_BE or kind in SENTENCES or kind in ANSWERED_APART
    assert kind in ANSWERED_APART or not PYTHON.search(said), said


def test_every_pattern_of_a_request_has_words() -> None:
    document = json.loads(Path("service/api/openapi/openapi.json").read_text())
    of_answers = {r"^((metrics|baselines)(\.[a-z0-9_]+)?|classes|seeds)$"}
    assert patterns(document) - of_answers <= {*WORDS}


def patterns(schema: Any) -> set[str]:
    """Every pattern in a document."""
    if isinstance(schema, list):
        return set().union(*map(patterns, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own.union(*map(patterns, schema.values()))


def test_a_text_that_does_not_match_is_told_what_would_be_right() -> None:
    with pytest.raises(ValidationError) as error:
        ExperimentSpec.model_validate({"tags": ["a b"]})
    (found,) = to_field_errors(error.value, ExperimentSpec)
    assert found.message == (
        "should be up to 64 letters, digits and . _ : / -, and start with a letter or a digit"
    )
