"""The response models of the ledger of a test set: every look, its result, and how far that can be trusted."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import ResponseModel, Time
from workers.evaluation.intervals import LEVEL, Interval, adaptive_half_width, wilson


class Acceptance(BaseModel):
    """Earlier uses of the test rows that do not prevent an evaluation. The ledger keeps what was accepted.

    exposed: experiments trained or validated on some of them, so the figure may be too good for these. looked_at:
    models were tested on some of them before, so the figure is one of several.
    """

    model_config = ConfigDict(extra="forbid")

    accept: Annotated[list[Literal["exposed", "looked_at"]], Field(max_length=2)] = Field(
        [], examples=[["looked_at"]]
    )


class EarlierUse(ResponseModel):
    """An earlier use of some of the test rows: an experiment trained or validated on them, or was tested on them.

    look: the number of the look; null if the rows were exposed.
    """

    kind: Literal["exposed", "looked_at"]
    rows: int
    experiment_id: int
    owner: str
    dataset: str
    look: int | None


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
    rows: int
    exposed_rows: int | None = Field(
        description="How many of the rows had trained or validated an experiment before; null: not recorded."
    )
    looked_at_rows: int | None = Field(description="How many of the rows an earlier look had seen.")
    earlier_uses: list[EarlierUse] = Field(
        description="By which experiments, and under which data set: the 100 with the most rows."
    )
    accepted: list[str]
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
    """A test set and every look at any of its rows. budget: null for a Ladder, which answers any number of looks."""

    test_set: str = Field(description="The hash of its rows.")
    source: Literal["held_back", "official"]
    rows: int
    exposed_rows: int = Field(description="How many of the rows have trained or validated an experiment.")
    exposed_by: list[EarlierUse]
    budget: int | None
    remaining: int | None
    looks: int
    items: list[Evaluation]


def evaluation(entry: Any, *, looks: int, classes: Sequence[str], majority: float | None) -> Evaluation:
    """The response for an entry of the ledger, with the bounds that hold after `looks` looks in all."""
    told, before = entry.answer or {}, entry.earlier_uses or {}
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
        rows=entry.rows,
        exposed_rows=before.get("exposed_rows"),
        looked_at_rows=before.get("looked_at_rows"),
        earlier_uses=before.get("items", []),
        accepted=entry.accepted or [],
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
