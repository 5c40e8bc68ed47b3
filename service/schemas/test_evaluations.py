"""The response models of the ledger of a test set: every look, its result, and how far that can be trusted."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from service.schemas.base import ResponseModel, Time
from workers.evaluation.intervals import LEVEL, Interval, adaptive_half_width, wilson


class Bound(ResponseModel):
    """An interval of the accuracy, 95 %, and when it covers the truth."""

    name: Literal["wilson", "wilson_all_looks", "adaptive"]
    low: float
    high: float
    valid: str


class TestedClass(ResponseModel):
    """One class over the seeds. accuracy: its recall; null if the test part has no rows of it."""

    class_: str = Field(serialization_alias="class")
    index: int
    support: int
    accuracy: float | None


class Evaluation(ResponseModel):
    """One look at the test set. All figures are means over the seeds of the experiment.

    A Ladder tells the best accuracy so far and nothing else: no class, no interval. If the service stopped before it
    stored the result of a look, the figures are null: request the evaluation again, it costs nothing.
    """

    look: int
    looks: int = Field(description="The number of looks so far; the bounds count all of them.")
    experiment_id: int
    spec_hash: str
    dataset: str
    weights_sha256: str
    ladder: bool
    improved: bool | None = Field(description="For a Ladder: whether this look set the best accuracy.")
    seeds: int | None
    accuracy: float | None
    balanced_accuracy: float | None
    majority_accuracy: float | None = Field(
        description="The accuracy of always predicting the majority class."
    )
    bounds: list[Bound]
    classes: list[TestedClass]
    opened_at: Time


class Ledger(ResponseModel):
    """A test set and every look at it. budget: null for a Ladder, which answers any number of looks."""

    test_set: str = Field(description="The hash of its rows. Copies of a data set share a ledger.")
    source: Literal["held_back", "official"]
    rows: int
    budget: int | None
    remaining: int | None
    looks: int
    items: list[Evaluation]


def evaluation(entry: Any, *, looks: int, classes: Sequence[str], majority: float | None) -> Evaluation:
    """The response for an entry of the ledger, with the bounds that hold after `looks` looks in all."""
    told = entry.answer or {}
    shares = _shares(told)
    present = [share for share in shares if share is not None]
    of_class = [
        TestedClass(class_=name, index=index, support=told["support"][index], accuracy=share)
        for index, (name, share) in enumerate(zip(classes, shares, strict=False))
    ]
    return Evaluation(
        look=entry.look,
        looks=looks,
        experiment_id=entry.experiment_id,
        spec_hash=entry.spec_hash,
        dataset=entry.dataset,
        weights_sha256=entry.weights,
        ladder=entry.ladder,
        improved=told.get("improved"),
        seeds=told.get("seeds"),
        accuracy=told.get("accuracy"),
        balanced_accuracy=sum(present) / len(present) if present else None,
        majority_accuracy=majority,
        bounds=_bounds(told, entry.rows, looks) if present else [],
        classes=of_class,
        opened_at=entry.opened_at,
    )


def _shares(told: dict[str, Any]) -> list[float | None]:
    pairs = zip(told.get("correct", []), told.get("support", []), strict=True)
    return [correct / (support * told["seeds"]) if support else None for correct, support in pairs]


def _bounds(told: dict[str, Any], rows: int, looks: int) -> list[Bound]:
    accuracy, seeds = told["accuracy"], told["seeds"]
    half = adaptive_half_width(rows, looks, counts=[support * seeds for support in told["support"]])
    around = Interval(max(0.0, accuracy - (half or 1)), min(1.0, accuracy + (half or 1)), LEVEL)
    plain, all_looks = wilson(round(accuracy * rows), rows), wilson(round(accuracy * rows), rows, looks=looks)
    chosen: tuple[tuple[Any, Interval | None, str], ...] = (
        ("wilson", plain, "if this was the only look"),
        ("wilson_all_looks", all_looks, "if the looks were not chosen from earlier answers"),
        ("adaptive", around, "whatever the looks were chosen from"),
    )
    return [
        Bound(name=name, low=interval.low, high=interval.high, valid=valid)
        for name, interval, valid in chosen
        if interval is not None
    ]
