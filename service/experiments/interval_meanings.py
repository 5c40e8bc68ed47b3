"""Say in words and codes what the intervals of a summary are intervals of, and how they were computed."""

from functools import lru_cache

from service.experiments.intervals import Intervals, NoIntervals
from service.schemas.summary import IntervalMeaning, Missing
from workers.evaluation.bootstrap import RESAMPLES
from workers.evaluation.intervals import LEVEL

OF_SEEDS = (
    "They are for models of this training on new rows of this kind: the rows and the seeds vary, the training rows "
    "do not."
)
OF_ONE_MODEL = (
    "They are for this model on new rows of this kind. "
    "Another seed or other training rows give another model."
)
OPTIMISTIC = " The epochs were selected on the rows that measure them, so the figures are slightly too good."


def meanings(intervals: Intervals | NoIntervals, *, seeds: int, selected: bool) -> list[IntervalMeaning]:
    """What each interval of a summary is of. selected: whether there was more than one epoch to select from."""
    missing = intervals if isinstance(intervals, NoIntervals) else None
    return list(_meanings(missing, seeds > 1, selected))


@lru_cache(maxsize=1000)
def _meanings(
    missing: NoIntervals | None, several_seeds: bool, selected: bool
) -> tuple[IntervalMeaning, ...]:
    """Cached, because every poll that finds a change needs them, and there are few."""
    optimistic = OPTIMISTIC if selected else ""
    of_seeds = IntervalMeaning(
        figures=["metrics", "classes"],
        of="new_rows_and_seeds" if several_seeds else "new_rows",
        sentence=(OF_SEEDS if several_seeds else OF_ONE_MODEL) + optimistic,
        optimistic=selected,
        method="two_way_bootstrap",
        level=LEVEL,
        resamples=RESAMPLES,
        missing=Missing.model_validate(missing) if missing else None,
    )
    of_one = IntervalMeaning(
        figures=["seeds"],
        of="new_rows",
        sentence=OF_ONE_MODEL + optimistic,
        optimistic=selected,
        method="wilson",
        level=LEVEL,
        resamples=None,
        missing=None,
    )
    return (
        of_seeds,
        of_one,
        of_one.model_copy(update={"figures": ["baselines"], "sentence": OF_ONE_MODEL, "optimistic": False}),
    )
