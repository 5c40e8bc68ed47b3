"""The response models of the ledger of a test set: every look, its result, and how far that can be trusted."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import ResponseModel, Time
from workers.evaluation.intervals import Interval
from workers.evaluation.look_bounds import (
    LookBounds,
    Told,
    accuracy_bounds,
    balanced_accuracy_bounds,
    recall_bounds,
)


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
    """A 95 % interval, and when it covers the truth: of these models on new rows of this kind."""

    name: Literal["wilson", "wilson_all_looks", "jeffreys", "jeffreys_all_looks", "adaptive"]
    low: float
    high: float
    valid: str


class TestedClass(ResponseModel):
    """One class over the seeds. accuracy: its recall; null if the test part has no rows of it.

    accuracy_low, accuracy_high: 95 % interval by Wilson's method, valid if the looks were not chosen from earlier
    answers.
    """

    class_: str = Field(serialization_alias="class")
    index: int
    support: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None


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
    bounds: list[Bound] = Field(
        description="Of the accuracy. All bounds follow from the number of correct rows of each class, so they tell "
        "nothing more of the test rows."
    )
    balanced_accuracy_bounds: list[Bound]
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


def evaluation(
    entry: Any, *, looks: Sequence[Any], classes: Sequence[str], majority: float | None
) -> Evaluation:
    """The response for an entry of the ledger. looks: all entries that share rows with it, and itself."""
    told, before = entry.answer or {}, entry.earlier_uses or {}
    of_classes = _told(entry, looks) if "correct" in told else None
    return Evaluation(
        look=entry.look,
        looks=len(looks),
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
        majority_accuracy=majority,
        opened_at=entry.opened_at,
        **_of_classes(of_classes, classes),
    )


def _told(entry: Any, looks: Sequence[Any]) -> Told:
    answer = entry.answer
    earlier = tuple(tuple(_possible(look)) for look in looks if look.id < entry.id)
    return Told(
        tuple(answer["support"]), tuple(answer["correct"]), answer["seeds"], looks=len(looks), earlier=earlier
    )


def _possible(look: Any) -> list[int]:
    """Of each number that a look has told, the largest that it could be: right rows of a class, over its seeds.

    A Ladder has told one number of right rows in all. A look that was not answered yet has told nothing.
    """
    if look.answer is None:
        return []
    counts: list[int] = look.answer.get("support", [look.rows])
    return [rows * look.answer["seeds"] for rows in counts]


def _of_classes(told: Told | None, classes: Sequence[str]) -> dict[str, Any]:
    """The fields that follow from the number of correct rows of each class; empty if a look has not told these."""
    if told is None:
        return {"balanced_accuracy": None, "bounds": [], "balanced_accuracy_bounds": [], "classes": []}
    present = [share for share in told.shares if share is not None]
    of_class = zip(classes, told.support, told.shares, recall_bounds(told), strict=True)
    return {
        "balanced_accuracy": sum(present) / len(present) if present else None,
        "bounds": _named("wilson", accuracy_bounds(told)),
        "balanced_accuracy_bounds": _named("jeffreys", balanced_accuracy_bounds(told)),
        "classes": [
            TestedClass(
                class_=name,
                index=index,
                support=support,
                accuracy=share,
                accuracy_low=interval and interval.low,
                accuracy_high=interval and interval.high,
            )
            for index, (name, support, share, interval) in enumerate(of_class)
        ],
    }


def _named(method: Literal["wilson", "jeffreys"], bounds: LookBounds | None) -> list[Bound]:
    if bounds is None:
        return []
    chosen: tuple[tuple[Any, Interval, str], ...] = (
        (method, bounds.single, "if this was the only look"),
        (f"{method}_all_looks", bounds.all_looks, "if the looks were not chosen from earlier answers"),
        ("adaptive", bounds.adaptive, "whatever the looks were chosen from"),
    )
    return [
        Bound(name=name, low=interval.low, high=interval.high, valid=valid)
        for name, interval, valid in chosen
    ]
