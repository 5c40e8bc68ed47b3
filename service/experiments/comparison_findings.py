"""The result of a comparison in words. The interval that a sentence shows is the one that decides what it says."""

from dataclasses import dataclass
from math import floor, log10

from service.experiments.comparability import common_metrics
from service.experiments.contenders import Pair
from service.experiments.measurements import Measurement
from service.schemas.base import Remark, bounds, capitalised
from workers.evaluation.intervals import Interval
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.titles import in_words

CROSS_VALIDATION = '"split": {"name": "cross_validation"}'
DECIDE = "Decide whether the difference is large enough to matter. Then evaluate the chosen model on the test part."
MORE_REPEATS = (
    'Prefer the simpler of the two, or add "repeats": they narrow the interval, up to a limit that only more data '
    "moves."
)
THIRD_SEED = "Train a third seed of both first: of two, Student's t is 12.7, of three 4.3."
OTHER_SPLITS = f"To learn whether it holds for other splits, submit both with {CROSS_VALIDATION}."


@dataclass(frozen=True)
class Tested:
    """An interval, one of those of so many pairs that cover together. It is None if the pair has no test."""

    interval: Interval | None
    pairs: int

    @property
    def sign(self) -> int:
        """1 if the interval is above 0, -1 if it is below, 0 if it includes 0 or if there is none."""
        if self.interval is None:
            return 0
        return (self.interval.low > 0) - (self.interval.high < 0)


def finding_of(pair: Pair, found: Measurement, tested: Tested) -> Remark:
    """What the comparison of a pair shows, of what, and what to do next."""
    if tested.interval is None:
        return _untested(pair, found) if found.unknown else _unchanging(pair, found)
    return _of_folds(pair, found, tested) if found.claim == "new_data" else _of_rows(pair, found, tested)


def _of_rows(pair: Pair, found: Measurement, tested: Tested) -> Remark:
    seeds = found.seeds
    figures = _figures(found, tested, f"{len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]} alone")
    others = "Another split" if len(seeds) > 1 else "Another seed or another split"
    claim = f"On new rows of this kind, {_result(pair, tested)}: {figures}."
    sentence = f"{claim} {others} of the data may decide otherwise."
    if tested.sign == 0:
        more = f"{THIRD_SEED} " if len(seeds) == 2 else ""
        remedy = f"{more}Prefer the simpler of the two. {OTHER_SPLITS}"
        return Remark(code="no_difference_shown", sentence=sentence, remedy=remedy)
    return Remark(code="difference_shown", sentence=sentence, remedy=f"{OTHER_SPLITS} {DECIDE}")


def _of_folds(pair: Pair, found: Measurement, tested: Tested) -> Remark:
    figures = _figures(found, tested, f"{found.folds} folds")
    sentence = f"Trained and measured on new data of this kind, {_result(pair, tested)}: {figures}."
    if tested.sign == 0:
        return Remark(code="no_difference_shown", sentence=sentence, remedy=MORE_REPEATS)
    return Remark(code="difference_shown", sentence=sentence, remedy=DECIDE)


def _result(pair: Pair, tested: Tested) -> str:
    a, b = pair.a.title, pair.b.title
    if tested.sign == 0:
        return f"no difference in {in_words(pair.metric)} is shown between {a} and {b}"
    return f"{a} has a {'higher' if tested.sign > 0 else 'lower'} {in_words(pair.metric)} than {b}"


def _untested(pair: Pair, found: Measurement) -> Remark:
    """Of rows that are the same, without a test: what is so on these rows, and why no more can be said."""
    why, remedy = {
        "metric_not_resampled": (
            f"the bootstrap over rows does not know {in_words(pair.metric)}",
            f"Compare by {common_metrics(pair)}, or submit both with {CROSS_VALIDATION}.",
        ),
        "without_interval": (
            str(BY_NAME[pair.metric].without_interval),
            f"Compare by {common_metrics(pair)}.",
        ),
        "no_scores": (
            f"of each row only the probability of its true class is kept, which does not tell "
            f"{in_words(pair.metric)} of more than two classes",
            f"Compare by nll or balanced_accuracy, or submit both with {CROSS_VALIDATION}.",
        ),
        "too_few_rows": (
            "a single row does not tell how others vary",
            f"Submit both with a larger validation part, or with {CROSS_VALIDATION}.",
        ),
        "no_row_results": (
            "their runs have kept no row-level results in common",
            "Submit both specs again: an earlier version kept no row-level results.",
        ),
    }.get(
        str(found.unknown),
        ("their row-level results cannot be read", "The log of the service says what cannot be read."),
    )
    spread = f", with a standard deviation of {found.sd:.2g}" if found.sd is not None else ""
    over = f"{len(found.seeds)} seeds" if len(found.seeds) > 1 else f"seed {found.seeds[0]}"
    if pair.of_folds:
        over = f"{found.folds} folds"
    return Remark(
        code="not_tested",
        sentence=f"On these rows, the {in_words(pair.metric)} of {pair.a.title} minus that of {pair.b.title} is "
        f"{signed(found.value)} over {over}{spread}. Of new rows nothing is known: {why}.",
        remedy=remedy,
    )


def _unchanging(pair: Pair, found: Measurement) -> Remark:
    which = f"the {in_words(pair.metric)} of {pair.a.title} and {pair.b.title}"
    if found.value == 0:
        return Remark(
            code="identical",
            sentence=capitalised(f"{which} is the same in each of {found.folds} folds."),
            remedy="Compare their spec_hash to see whether the specs differ in anything that matters.",
        )
    return Remark(
        code="no_spread",
        sentence=capitalised(
            f"{which} differs by exactly {signed(found.value)} in each of {found.folds} folds, so Student's t is not "
            "defined."
        ),
        remedy='Add "repeats", and check whether the rows have any influence on these models.',
    )


def _figures(found: Measurement, tested: Tested, over: str) -> str:
    """The difference with its interval, and for how many pairs that is corrected."""
    low, high = bounds(tested.interval)
    value, low_shown, high_shown = signed_alike(found.value, low, high)
    figures = f"{value} [{low_shown}, {high_shown}] over {over}"
    return f"{figures}, corrected for {tested.pairs} pairs" if tested.pairs > 1 else figures


def signed(value: float | None) -> str:
    """A number with its sign and three significant digits; zero has no sign."""
    return f"{value:+.3g}" if value else "0"


def signed_alike(*values: float | None) -> list[str]:
    """Numbers with their signs, to the decimal that is the third digit of the largest.

    What that would round to zero keeps two digits of its own, because whether an interval excludes zero is its claim.
    """
    largest = max((abs(each) for each in values if each), default=1.0)
    decimals = max(0, 2 - floor(log10(largest)))
    texts = (f"{each or 0:+.{decimals}f}" for each in values)
    return [
        text if float(text) else f"{each:+.2g}" if each else "0"
        for each, text in zip(values, texts, strict=True)
    ]
