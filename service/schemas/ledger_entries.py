"""The response for an entry of a ledger: what its look has told, with the bounds that follow from it."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Literal

from service.schemas.test_evaluations import Bound, Evaluation, TestedBaseline, TestedClass, TestedFigure
from workers.evaluation.intervals import Interval
from workers.evaluation.look_bounds import (
    LookBounds,
    Told,
    accuracy_bounds,
    balanced_accuracy_bounds,
    recall_bounds,
)
from workers.evaluation.number_look import POSSIBLE, adaptive_bound, figure_bounds

Earlier = tuple[tuple[int, ...], ...]
NO_CLASSES: dict[str, Any] = {
    "balanced_accuracy": None,
    "bounds": [],
    "balanced_accuracy_bounds": [],
    "classes": [],
}
SINGLE, ALL_LOOKS = "if this was the only look", "if the looks were not chosen from earlier answers"
CHOSEN = "whatever the looks were chosen from"


def evaluation(
    entry: Any, *, looks: Sequence[Any], classes: Sequence[str], majority: float | None
) -> Evaluation:
    """The response for an entry of the ledger. looks: all entries that share rows with it, and itself."""
    told, before = entry.answer or {}, entry.earlier_uses or {}
    earlier = tuple(tuple(_possible(look)) for look in looks if look.id < entry.id)
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
        **_figures(entry, classes, len(looks), earlier),
    )


def _figures(entry: Any, classes: Sequence[str], looks: int, earlier: Earlier) -> dict[str, Any]:
    """The fields that differ between the tasks."""
    told = entry.answer or {}
    if "limit" in told:
        return NO_CLASSES | _of_numbers(told, classes, entry.rows, looks, earlier)
    if "correct" not in told:
        return NO_CLASSES
    counts = Told(tuple(told["support"]), tuple(told["correct"]), told["seeds"], looks=looks, earlier=earlier)
    return _of_classes(counts, classes)


def _possible(look: Any) -> list[int]:
    """Of each number that a look has told, the largest that it could be: right rows of a class, over its seeds.

    A Ladder has told one number of right rows in all, and a regression rounded numbers. A look that was not answered
    yet has told nothing.
    """
    if look.answer is None:
        return []
    if "told" in look.answer:
        return [POSSIBLE] * int(look.answer["told"])
    counts: list[int] = look.answer.get("support", [look.rows])
    return [rows * look.answer["seeds"] for rows in counts]


def _of_classes(told: Told, classes: Sequence[str]) -> dict[str, Any]:
    """The fields that follow from the number of correct rows of each class."""
    present = [share for share in told.shares if share is not None]
    of_class = zip(classes, told.support, told.shares, recall_bounds(told), strict=True)
    return {
        "balanced_accuracy": sum(present) / len(present) if present else None,
        "bounds": _bounds("wilson", accuracy_bounds(told)),
        "balanced_accuracy_bounds": _bounds("jeffreys", balanced_accuracy_bounds(told)),
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


def _of_numbers(
    told: dict[str, Any], classes: Sequence[str], rows: int, looks: int, earlier: Earlier
) -> dict[str, Any]:
    """The fields of a regression. A Ladder has told no more than its best MAE."""
    if "figures" not in told:
        return {"figures": [TestedFigure(metric="mae", value=told["clipped_mae"], bounds=[])]}
    figures = []
    for metric, figure in told["figures"].items():
        bounds = _two_bounds("bootstrap", *figure_bounds(metric, figure, looks)) if len(figure) > 1 else []
        adaptive = adaptive_bound(told["clipped_mae"], told["limit"], rows, looks, earlier)
        if metric == "mae" and adaptive:
            bounds.append(
                _bound("adaptive", adaptive, f"{CHOSEN}; errors above {told['limit']:.4g} count as that")
            )
        figures.append(TestedFigure(metric=metric, value=figure[0], bounds=bounds))
    baselines = [TestedBaseline(name=name, metrics=each) for name, each in told["baselines"].items()]
    return {"figures": figures, "baselines": baselines, "classes": _bins(told, classes)}


def _bins(told: dict[str, Any], names: Sequence[str]) -> list[TestedClass]:
    of_bin = zip(names, told["support"], told["bins"], strict=True)
    return [
        TestedClass(
            class_=name,
            index=index,
            support=support,
            **dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high")),
            **dict(zip_longest(("mae", "mae_low", "mae_high"), figure or ())),
        )
        for index, (name, support, figure) in enumerate(of_bin)
    ]


def _bounds(method: Literal["wilson", "jeffreys"], bounds: LookBounds | None) -> list[Bound]:
    if bounds is None:
        return []
    return [
        *_two_bounds(method, bounds.single, bounds.all_looks),
        _bound("adaptive", bounds.adaptive, CHOSEN),
    ]


def _two_bounds(method: str, single: Interval, all_looks: Interval) -> list[Bound]:
    return [_bound(method, single, SINGLE), _bound(f"{method}_all_looks", all_looks, ALL_LOOKS)]


def _bound(name: Any, interval: Interval, valid: str) -> Bound:
    return Bound(name=name, low=interval.low, high=interval.high, valid=valid)
