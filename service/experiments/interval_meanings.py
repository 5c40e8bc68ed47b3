"""Say in words and codes what the intervals of a summary are intervals of, and how they were computed."""

from collections.abc import Sequence
from functools import lru_cache

from service.experiments.fold_figures import FoldFigures
from service.experiments.intervals import NOT_ENDED, TOO_FEW_FOLDS, Intervals, NoIntervals
from service.schemas.summary import IntervalMeaning, Missing
from service.store.tables import FINAL_STATUSES
from workers.evaluation.bootstrap import RESAMPLES
from workers.evaluation.intervals import LEVEL
from workers.evaluation.metrics import BY_NAME

OF_SEEDS = (
    "They are for models of this training on new rows of this kind: the rows and the seeds vary, the training rows "
    "do not."
)
OF_ONE_MODEL = (
    "They are for this model on new rows of this kind. "
    "Another seed or other training rows give another model."
)
OF_PROCEDURE = (
    "They are for this procedure on new data of this kind: the rows that train, validate and measure vary, and so do "
    "the seeds."
)
OPTIMISTIC = " The epochs were selected on the rows that measure them, so the figures are slightly too good."


def meanings(
    intervals: Intervals | NoIntervals, *, seeds: int, selected: bool, has_shares: bool
) -> list[IntervalMeaning]:
    """What each interval of a summary is of. selected: whether there was more than one epoch to select from.

    has_shares: whether single runs and baselines have intervals, of shares of rows: a regression has none.
    """
    missing = intervals if isinstance(intervals, NoIntervals) else None
    has_auroc = isinstance(intervals, Intervals) and "auroc" in intervals.metrics
    return list(_meanings(missing, seeds > 1, selected, has_auroc, has_shares))


def meanings_of_folds(
    missing: NoIntervals | None,
    from_rows: Intervals | None,
    folds: Sequence[FoldFigures],
    *,
    has_shares: bool,
) -> list[IntervalMeaning]:
    """The same for a cross-validation. missing: why means over folds have no intervals; from_rows: those that do not
    rest on the figures of the folds alone.
    """
    shown = {
        name
        for each in folds
        for name, value in each.metrics.items()
        if value is not None and not BY_NAME[name].without_interval
    }
    others = None if missing or not from_rows else tuple(sorted(shown - set(from_rows.metrics)))
    return list(_meanings_of_folds(missing, others, has_shares))


def missing_of_folds(status: str, folds: int) -> NoIntervals | None:
    """Why a cross-validation with so many measured folds has no intervals; None if it has."""
    if status not in FINAL_STATUSES:
        return NOT_ENDED
    return TOO_FEW_FOLDS if folds < 2 else None


@lru_cache(maxsize=100)
def _meanings_of_folds(
    missing: NoIntervals | None, others: tuple[str, ...] | None, has_shares: bool
) -> tuple[IntervalMeaning, ...]:
    """others: metrics that row-level results do not tell; None if these told nothing."""
    corrected = IntervalMeaning(
        figures=["metrics", "classes", *(["baselines"] if has_shares else [])],
        of="procedure_on_new_data",
        sentence=OF_PROCEDURE,
        optimistic=False,
        method="corrected_t",
        level=LEVEL,
        resamples=None,
        missing=Missing.model_validate(missing) if missing else None,
    )
    of_seeds = [_of_one_model("seeds", optimistic=False)] if has_shares else []
    if others is None:
        return corrected, *of_seeds
    components = {"figures": ["metrics", "classes"], "method": "variance_components"}
    figures = [*(f"metrics.{name}" for name in others), *(["baselines"] if has_shares else [])]
    of_others = [corrected.model_copy(update={"figures": figures})] if figures else []
    return corrected.model_copy(update=components), *of_others, *of_seeds


@lru_cache(maxsize=1000)
def _meanings(
    missing: NoIntervals | None, several_seeds: bool, selected: bool, has_auroc: bool, has_shares: bool
) -> tuple[IntervalMeaning, ...]:
    """Cached, because every poll that finds a change needs them, and there are few."""
    of_seeds = IntervalMeaning(
        figures=["metrics", "classes"],
        of="new_rows_and_seeds" if several_seeds else "new_rows",
        sentence=(OF_SEEDS if several_seeds else OF_ONE_MODEL) + (OPTIMISTIC if selected else ""),
        optimistic=selected,
        method="two_way_bootstrap",
        level=LEVEL,
        resamples=RESAMPLES,
        missing=Missing.model_validate(missing) if missing else None,
    )
    of_auroc = of_seeds.model_copy(
        update={"figures": ["metrics.auroc"], "method": "delong", "resamples": None},
    )
    of_baselines = _of_one_model("baselines", optimistic=False)
    bootstrapped = {
        "figures": ["baselines.balanced_accuracy"],
        "method": "two_way_bootstrap",
        "resamples": RESAMPLES,
    }
    of_shares = (
        _of_one_model("seeds", optimistic=selected),
        of_baselines,
        of_baselines.model_copy(update=bootstrapped),
    )
    return of_seeds, *([of_auroc] if has_auroc else []), *(of_shares if has_shares else ())


def _of_one_model(figures: str, *, optimistic: bool) -> IntervalMeaning:
    """What Wilson's intervals of single models are of."""
    return IntervalMeaning(
        figures=[figures],
        of="new_rows",
        sentence=OF_ONE_MODEL + (OPTIMISTIC if optimistic else ""),
        optimistic=optimistic,
        method="wilson",
        level=LEVEL,
        resamples=None,
        missing=None,
    )
