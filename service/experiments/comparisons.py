"""Compare experiments by a paired test over the seeds that they share.

The service does not store whether a model classified a certain row correctly. So the test is over seeds (Student's
paired t) and not over rows (McNemar, or a paired bootstrap): it separates a difference from the luck of training, on
these validation rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from service.experiments.comparability import Contender, Pair, why_not_comparable
from service.schemas.base import Remark, bounds
from service.schemas.comparisons import Comparison
from workers.evaluation.comparisons import PairedT, holm, paired_t
from workers.evaluation.intervals import LEVEL, Mean
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.spec import ExperimentSpec

SAME_ROWS = Remark(
    code="same_rows",
    sentence="The intervals show how much other seeds would change a difference on these validation rows. "
    "Other rows would change it too, and these rows were used to select epochs.",
    remedy="Repeat the comparison with other split seeds, and evaluate the test part once the choice is made.",
)


def compare(pairs: Sequence[Pair]) -> list[Comparison]:
    """Compare each pair on the validation part; the p-values are corrected for all of them."""
    reasons = [why_not_comparable(pair) for pair in pairs]
    tested = [None if found else _tested(pair) for pair, found in zip(pairs, reasons, strict=True)]
    p_values = [test.p_value if test else None for test in tested]
    corrected = holm(p_values)
    comparisons = sum(p is not None for p in p_values)
    return [
        _refused(pair, found) if test is None else _compared(pair, test, Corrected(p, comparisons))
        for pair, found, test, p in zip(pairs, reasons, tested, corrected, strict=True)
    ]


def remarks_about(pairs: Sequence[Pair], items: Sequence[Comparison]) -> list[Remark]:
    """Remarks that hold for all comparisons, and for the experiments in them."""
    contenders = {each.id: (each, pair.metric) for pair in pairs for each in (pair.a, pair.b)}
    remarks = [remark for each, metric in contenders.values() for remark in _remarks(each, metric)]
    return [SAME_ROWS, *remarks] if any(item.comparable for item in items) else remarks


@dataclass(frozen=True)
class Corrected:
    """A p-value corrected for a number of comparisons; None if the test has none."""

    p_value: float | None
    comparisons: int


def _tested(pair: Pair) -> PairedT | None:
    return paired_t(pair.values(pair.a), pair.values(pair.b))


def _refused(pair: Pair, reason: Remark | None) -> Comparison:
    figures = ("mean_a", "mean_b", "difference", "sd", "low", "high", "p_value", "p_value_corrected")
    facts = {"a": pair.a.id, "b": pair.b.id, "comparable": False, "seeds": pair.seeds, "better": None}
    return Comparison.model_validate({**facts, **dict.fromkeys(figures), "finding": reason})


def _compared(pair: Pair, test: PairedT, corrected: Corrected) -> Comparison:
    difference = test.difference
    low, high = bounds(difference.interval)
    return Comparison(
        a=pair.a.id,
        b=pair.b.id,
        comparable=True,
        seeds=pair.seeds,
        mean_a=fmean(pair.values(pair.a)),
        mean_b=fmean(pair.values(pair.b)),
        difference=difference.mean,
        sd=difference.sd,
        low=low,
        high=high,
        p_value=test.p_value,
        p_value_corrected=corrected.p_value,
        better=_better(pair, difference.mean) if is_significant(corrected.p_value) else None,
        finding=_finding(pair, test, corrected),
    )


def is_significant(corrected: float | None) -> bool:
    """Whether a p-value is below the level of significance."""
    return corrected is not None and corrected < 1 - LEVEL


def _better(pair: Pair, difference: float) -> int:
    a_is_better = (difference > 0) == (BY_NAME[pair.metric].direction == "max")
    return pair.a.id if a_is_better else pair.b.id


def _finding(pair: Pair, test: PairedT, corrected: Corrected) -> Remark:
    """The result in words. The corrected p-value decides what it says; the interval is that of the pair alone."""
    if corrected.p_value is None or test.p_value is None:
        return _without_spread(pair, test.difference)
    if is_significant(corrected.p_value):
        side = "higher" if test.difference.mean > 0 else "lower"
        return Remark(
            code="difference_shown",
            sentence=f"The {pair.metric} of experiment {pair.a.title} is {side} than that of experiment "
            f"{pair.b.title}: {_figures(test, corrected)}.",
            remedy="Decide whether the difference is large enough to matter. Then evaluate the chosen model on the "
            "test part, once.",
        )
    between = f"in {pair.metric} between experiments {pair.a.title} and {pair.b.title}"
    sentence = f"The seeds show no difference {between}"
    if is_significant(test.p_value):
        sentence = (
            f"The difference {between} does not hold after correction for {corrected.comparisons} comparisons"
        )
    return Remark(
        code="no_difference_shown",
        sentence=f"{sentence}: {_figures(test, corrected)}.",
        remedy="Prefer the simpler of the two, or add seeds: it takes many to show a small difference.",
    )


def _figures(test: PairedT, corrected: Corrected) -> str:
    """The difference with its interval and p-value, and the p-value corrected for the other comparisons."""
    low, high = bounds(test.difference.interval)
    figures = f"{test.difference.mean:+.3g} [{low:+.3g}, {high:+.3g}] over {test.difference.n} seeds"
    figures += f", p = {test.p_value:.2g}"
    return figures if corrected.comparisons == 1 else f"{figures}, corrected p = {corrected.p_value:.2g}"


def _without_spread(pair: Pair, difference: Mean) -> Remark:
    which = f"The {pair.metric} of experiments {pair.a.title} and {pair.b.title}"
    if difference.mean == 0:
        return Remark(
            code="identical",
            sentence=f"{which} is the same in each of {difference.n} seeds.",
            remedy="Compare their spec_hash to see whether the specs differ in anything that matters.",
        )
    return Remark(
        code="no_spread",
        sentence=f"{which} differs by exactly {difference.mean:+.3g} in each of {difference.n} seeds, so Student's t "
        "is not defined.",
        remedy="Add seeds, and check whether the seed has any influence on these models.",
    )


def _remarks(of: Contender, metric: SelectionMetric) -> Iterator[Remark]:
    """Reasons why the figures of one experiment may look better or worse than they are."""
    chosen_by = ExperimentSpec.model_validate(of.spec).selection_metric
    if chosen_by != metric:
        yield Remark(
            code="selected_by_another_metric",
            sentence=f"Experiment {of.title} selected its epochs by {chosen_by} but is compared by {metric}.",
            remedy=f"Compare by {chosen_by}, or submit the experiment with {metric} as the metric of early stopping.",
        )
    succeeded = {run.seed for run in of.figures}
    missing = [seed for seed in of.spec["seeds"] if seed not in succeeded]
    if missing and of.figures:
        yield Remark(
            code="seeds_left_out",
            sentence=f"{len(missing)} of the {len(of.spec['seeds'])} seeds of experiment {of.title} have not "
            "succeeded and are left out. The seeds that fail may be those with the worst results.",
            remedy="Wait until they have finished, or find out why they failed.",
        )
