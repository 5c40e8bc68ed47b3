"""Models get a field for each declared metric: in order, with a description, and null only if it may be missing."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import Field, ValidationError

from service.schemas.base import ResponseModel
from service.schemas.epochs import ClassRow
from service.schemas.metric_fields import with_metrics, with_values
from workers.evaluation.metrics.metric import metric


@metric(direction="max", always_stored=True)
def first(measured: object) -> float:
    """The first. Oracle: none."""
    return 1.0


@metric(direction="max", null_if="nothing was measured")
def second(measured: object) -> float | None:
    """The second."""
    return None


@metric(direction="max")
def third(measured: object) -> float:
    """The third,

    in more words.
    """
    return 3.0


DECLARED: tuple[Any, ...] = (first, second, third)


@with_metrics(DECLARED, beside={"first": {"first_low": float, "first_high": (float | None, Field(ge=0))}})
class Place(ResponseModel):
    """Where it was measured."""

    epoch: int


class Measured(Place):
    seconds: float


@with_values(DECLARED, Place)
class Values(ResponseModel):
    """A value of each."""


def test_the_fields_stand_between_those_before_and_those_after() -> None:
    names = ["epoch", "first", "first_low", "first_high", "second", "third", "seconds"]
    assert list(Measured.model_fields) == names
    assert (Place.__name__, Place.__doc__, Place.__module__) == ("Place", "Where it was measured.", __name__)


def test_a_field_is_null_only_if_an_epoch_may_have_no_value() -> None:
    given = {"epoch": 1, "first": 1, "first_low": 0, "first_high": None, "second": None, "third": None}
    with pytest.raises(ValidationError, match="first"):
        Place.model_validate(given | {"first": None})
    place = Place.model_validate(given)
    Values.model_validate({"first": place, "second": None, "third": None})
    with pytest.raises(ValidationError, match="first"):
        Values.model_validate({"first": None, "second": None, "third": None})


def test_a_description_says_what_it_is_and_when_it_is_null() -> None:
    described = {name: field.description for name, field in Place.model_fields.items()}
    assert described["first"] == "The first."
    assert described["second"] == "The second. Null if nothing was measured."
    assert described["third"] == "The third, Null in epochs from before Holdout had this metric."


def test_a_metric_of_the_classes_that_is_newer_than_the_epoch_is_null_for_each_class() -> None:
    row = SimpleNamespace(
        epoch=1,
        seed=0,
        split="train",
        support=[2, 0],
        drawn=None,
        accuracy=[0.5, None],
        precision=[1, 0],
        f1=None,
        specificity=None,
        repeat=0,
        fold=0,
    )
    rows = [each.model_dump() for each in ClassRow.all_of(row, ["a", "b"])]
    assert [(each["class_"], each["accuracy"], each["f1"], each["support"]) for each in rows] == [
        ("a", 0.5, None, 2),
        ("b", None, None, 0),
    ]
