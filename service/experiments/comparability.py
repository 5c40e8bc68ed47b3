"""Reasons why two experiments cannot be compared: one function per reason, each with a remedy."""

from collections.abc import Callable
from typing import Any

from service.experiments.contenders import Contender, Pair
from service.schemas.base import Remark, capitalised
from service.store.spec_facts import is_regression, quantile_of
from service.store.tables import ACTIVE_STATUSES
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.titles import in_words

MIN_FOLDS = 2
"""A standard deviation needs two differences."""
COMMON_OF_CLASSES = "balanced_accuracy, accuracy, macro_f1 or mcc"
COMMON_OF_NUMBERS = "rmse, mae, median_absolute_error or r2"
AMONG_FOLDS_ALONE = frozenset({"repeats", "validation"})
"""Fields of a cross-validation that leave the rows of each evaluation part as they are."""


def why_not_comparable(pair: Pair) -> Remark | None:
    """The first reason why two experiments cannot be compared; None if they can be, if their rows are the same."""
    return next((found for each in REASONS if (found := each(pair))), None)


def different_data(pair: Pair) -> Remark | None:
    ours, theirs = pair.a.dataset, pair.b.dataset
    if ours["sha256"] == theirs["sha256"]:
        return None
    names = f"'{ours['name']}' ({ours['sha256'][:12]}) and '{theirs['name']}' ({theirs['sha256'][:12]})"
    return Remark(
        code="different_data",
        sentence=capitalised(f"{pair.a.title} and {pair.b.title} use different data: {names}."),
        remedy=f'Submit the spec of {pair.b.id} with "dataset" as in experiment {pair.a.id}.',
    )


def different_kinds_of_split(pair: Pair) -> Remark | None:
    if pair.a.of_folds == pair.b.of_folds:
        return None
    folds, single = (pair.a, pair.b) if pair.a.of_folds else (pair.b, pair.a)
    return Remark(
        code="different_split",
        sentence=capitalised(f"{folds.title} is a cross-validation and {single.title} is not."),
        remedy=f'Submit the spec of {single.id} with "split" as in experiment {folds.id}.',
    )


def different_folds(pair: Pair) -> Remark | None:
    if not pair.of_folds or measured_rows(pair.a) == measured_rows(pair.b):
        return None
    return different_rows(pair)


def different_tasks(pair: Pair) -> Remark | None:
    numbers = [is_regression(each.spec) for each in (pair.a, pair.b)]
    if numbers[0] == numbers[1]:
        return None
    of_numbers, of_classes = (pair.a, pair.b) if numbers[0] else (pair.b, pair.a)
    return Remark(
        code="different_tasks",
        sentence=capitalised(
            f"{of_numbers.title} is a regression and {of_classes.title} is a classification, so they have no metric "
            "in common."
        ),
        remedy=f'Submit the spec of {of_classes.id} with "task" as in experiment {of_numbers.id}.',
    )


def different_quantiles(pair: Pair) -> Remark | None:
    """The pinball loss of another quantile is another metric; that of a loss without a quantile is of the median."""
    ours, theirs = quantile_of(pair.a.spec), quantile_of(pair.b.spec)
    if pair.metric != "pinball" or ours == theirs:
        return None
    return Remark(
        code="different_quantiles",
        sentence=capitalised(
            f"the pinball loss of {pair.a.title} is that of the {ours:g} quantile and that of {pair.b.title} of the "
            f"{theirs:g} quantile: these are two metrics."
        ),
        remedy=f"Compare by {COMMON_OF_NUMBERS}, which do not depend on the quantile.",
    )


def different_losses(pair: Pair) -> Remark | None:
    if pair.metric != "loss" or pair.a.spec["loss"] == pair.b.spec["loss"]:
        return None
    return Remark(
        code="different_losses",
        sentence=capitalised(
            f"{pair.a.title} and {pair.b.title} minimise different losses, whose values cannot be compared."
        ),
        remedy="Compare by a metric that does not depend on the loss: "
        + (f"{COMMON_OF_NUMBERS}." if is_regression(pair.a.spec) else "balanced_accuracy, or nll."),
    )


def too_few_runs(pair: Pair) -> Remark | None:
    folds = len({run[:2] for run in pair.runs})
    if folds >= (MIN_FOLDS if pair.of_folds else 1):
        return None
    unit = "fold" if pair.of_folds else "seed"
    which = f"only one {unit} has" if folds else f"no {unit} has"
    return Remark(
        code=f"single_shared_{unit}" if folds else f"no_shared_{unit}s",
        sentence=f"{which.capitalize()} succeeded in both {pair.a.title} and {pair.b.title}.",
        remedy=_how_to_get_runs(pair),
    )


def undefined_metric(pair: Pair) -> Remark | None:
    without = [each for each in (pair.a, pair.b) if len(pair.values(each, pair.runs)) < len(pair.runs)]
    if not without:
        return None
    reason = BY_NAME[pair.metric].null_if or "its epochs are older than the metric"
    return Remark(
        code="undefined_metric",
        sentence=capitalised(f"{without[0].title} has no {in_words(pair.metric)}: {reason}."),
        remedy=f"Compare by {common_metrics(pair)}.",
    )


REASONS: tuple[Callable[[Pair], Remark | None], ...] = (
    different_data,
    different_kinds_of_split,
    different_folds,
    different_tasks,
    different_losses,
    different_quantiles,
    too_few_runs,
    undefined_metric,
)


def different_rows(pair: Pair) -> Remark:
    """The reason if the rows that the two were measured on are not the same."""
    measured = "evaluated" if pair.of_folds else "validated"
    return Remark(
        code="different_split",
        sentence=capitalised(
            f"{pair.a.title} and {pair.b.title} were {measured} on different rows: their splits differ."
        ),
        remedy=f'Submit the spec of {pair.b.id} with "split" as in experiment {pair.a.id}, '
        'and with any imbalance in the training part only ("parts": "training").',
    )


def measured_rows(of: Contender) -> tuple[Any, Any]:
    """The fields of a spec that choose the rows measured: the split, and an imbalance that is made before it."""
    imbalance = of.spec["dataset"].get("imbalance")
    split = {name: value for name, value in of.spec["split"].items() if (name, value) != ("by", None)}
    if of.of_folds:
        split = {name: value for name, value in split.items() if name not in AMONG_FOLDS_ALONE}
    return split, imbalance if imbalance and imbalance["parts"] == "all" else None


def common_metrics(pair: Pair) -> str:
    """Metrics that any two experiments of the task of a pair have."""
    return COMMON_OF_NUMBERS if is_regression(pair.a.spec) else COMMON_OF_CLASSES


def _how_to_get_runs(pair: Pair) -> str:
    common = set(pair.a.spec["seeds"]) & set(pair.b.spec["seeds"])
    if not common:
        return 'Submit both with the same seeds, as in "seeds": [0, 1, 2, 3, 4].'
    active = [each.id for each in (pair.a, pair.b) if each.experiment.status in ACTIVE_STATUSES]
    if active:
        return f"Wait until {' and '.join(f'experiment {id_}' for id_ in active)} ended."
    return "Retry the failed runs: POST /experiments/{id}/retry."
