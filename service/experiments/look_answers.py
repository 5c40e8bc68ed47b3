"""What a look at a test set answers: of a classification and of a regression, in full or as a Ladder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from workers.data.dataset import Dataset
from workers.evaluation.ladder import LadderStep, climb
from workers.evaluation.number_look import (
    look_at_numbers,
    mean_absolute_errors,
    rounded,
    told_numbers,
)
from workers.evaluation.test_look import look
from workers.nn.arrays import Array
from workers.randomness import generator


@dataclass(frozen=True)
class TargetFacts:
    """What is known of the targets of a regression without its test rows. mean, median: of its training rows.

    limit: the range of the open rows, at which errors are cut off for a bound. quantile: of a quantile loss.
    """

    mean: float
    median: float
    limit: float
    quantile: float | None

    @staticmethod
    def of(
        training: NDArray[np.float64], opened: NDArray[np.float64], loss: Mapping[str, Any]
    ) -> "TargetFacts":
        """From the targets of the training rows and of all open rows, and the loss of a stored spec."""
        return TargetFacts(
            float(training.mean()), float(np.median(training)), float(np.ptp(opened)), loss.get("quantile")
        )


def answer_look(
    predictions: Sequence[Array],
    part: Dataset,
    facts: TargetFacts | None,
    *,
    ladder: Sequence[Row[Any]] | None,
) -> tuple[dict[str, Any], Array]:
    """The answer of a look, and what the ledger keeps of each row (N,): the share of the models that were wrong, or
    their mean absolute error.

    predictions: (N,) of each model, labels or numbers. facts: None of a classification. ladder: the earlier entries
    of the same test set if a Ladder answers.
    """
    before = None if ladder is None else [each for each in ladder if _is_alike(each, facts)]
    if facts is None:
        return _of_classes(predictions, part, before)
    return _of_numbers(predictions, part, facts, before)


def _is_alike(entry: Row[Any], facts: TargetFacts | None) -> bool:
    """Whether an entry has an answer of the same task: a test set can be that of numbers and of their bins."""
    return entry.losses is not None and ("limit" in entry.answer) == (facts is not None)


def _of_classes(
    predictions: Sequence[Array], part: Dataset, before: Sequence[Row[Any]] | None
) -> tuple[dict[str, Any], Array]:
    """In full the number of correct rows of each class: no response tells more. Of a Ladder the best accuracy so far;
    `improved` if this look has set it.
    """
    looked = look([each.astype(np.int64) for each in predictions], part.labels, len(part.classes))
    if before is None:
        rows = sum(looked.support) * looked.seeds
        answer = {
            "accuracy": sum(looked.correct) / rows,
            "seeds": looked.seeds,
            "support": looked.support,
            "correct": looked.correct,
        }
        return answer, looked.losses
    step, improved = _climbed([_losses(each) for each in before], looked.losses)
    return {"accuracy": 1 - step.loss, "seeds": looked.seeds, "improved": improved}, looked.losses


def _of_numbers(
    predictions: Sequence[Array], part: Dataset, facts: TargetFacts, before: Sequence[Row[Any]] | None
) -> tuple[dict[str, Any], Array]:
    """In full the figures of `NumberLook`. Of a Ladder the best MAE so far, with errors of at most the limit."""
    targets = np.asarray(part.targets, np.float64)
    models = [each.astype(np.float64) for each in predictions]
    losses = mean_absolute_errors(models, targets)
    told: dict[str, Any] = {"seeds": len(models), "limit": facts.limit}
    if before is not None:
        shares = [_share(_losses(each), facts.limit) for each in before]
        step, improved = _climbed(shares, _share(losses, facts.limit))
        return told | {"clipped_mae": rounded(step.loss * facts.limit), "improved": improved}, losses
    looked = look_at_numbers(
        models,
        targets,
        part.labels,
        count=len(part.classes),
        constants={"mean": facts.mean, "median": facts.median},
        limit=facts.limit,
        quantile=facts.quantile,
        generator=generator(0, "intervals"),
    )
    return told | vars(looked) | {"told": told_numbers(looked)}, losses


def _losses(entry: Row[Any]) -> Array:
    return np.frombuffer(entry.losses, np.float32)


def _share(errors: Array, limit: float) -> Array:
    """Errors (N,) as shares of the limit, at most 1: a Ladder needs losses between 0 and 1."""
    return np.minimum(errors / np.float32(limit), np.float32(1)) if limit else (errors > 0).astype(np.float32)


def _climbed(before: Sequence[Array], losses: Array) -> tuple[LadderStep, bool]:
    best: LadderStep | None = None
    for each in before:
        best = climb(best, each)
    step = climb(best, losses)
    return step, step is not best
