"""Comparisons: which of several experiments is better, as far as the seeds that they share can tell.

Whether a model got a certain row right is not stored, so the test is over seeds (Student's paired t) and not over
rows (McNemar, or a paired bootstrap): it tells training luck from a difference, on the validation rows as they are.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from service.experiments.obstacles import Contender, Pair, obstacle
from service.schemas.answer import Remark, bounds
from service.schemas.comparisons import Comparison
from workers.evaluation.comparisons import PairedT, holm, paired_t
from workers.evaluation.intervals import LEVEL, Mean
from workers.evaluation.selection import DIRECTIONS, SelectionMetric
from workers.spec import ExperimentSpec

SAME_ROWS = Remark(
    code="same_rows",
    sentence="The intervals say how far other seeds would move a difference on these validation rows. "
    "Other rows would move it too, and they were used to select epochs.",
    remedy="Repeat the comparison with other split seeds, and open the test set once the choice is made.",
)


def compare(pairs: Sequence[Pair]) -> list[Comparison]:
    """Compare each pair on the validation part; the p-values are corrected for all of them."""
    obstacles = [obstacle(pair) for pair in pairs]
    tested = [None if found else _tested(pair) for pair, found in zip(pairs, obstacles, strict=True)]
    corrected = holm([test.p_value if test else None for test in tested])
    return [
        _refused(pair, found) if test is None else _compared(pair, test, p)
        for pair, found, test, p in zip(pairs, obstacles, tested, corrected, strict=True)
    ]


def remarks_about(pairs: Sequence[Pair], items: Sequence[Comparison]) -> list[Remark]:
    """What keeps comparisons from meaning what they seem to."""
    contenders = {each.id: (each, pair.metric) for pair in pairs for each in (pair.a, pair.b)}
    remarks = [remark for each, metric in contenders.values() for remark in _remarks(each, metric)]
    return [SAME_ROWS, *remarks] if any(item.comparable for item in items) else remarks


def _tested(pair: Pair) -> PairedT | None:
    return paired_t(pair.values(pair.a), pair.values(pair.b))


def _refused(pair: Pair, reason: Remark | None) -> Comparison:
    figures = ("mean_a", "mean_b", "difference", "sd", "low", "high", "p_value", "p_value_corrected")
    facts = {"a": pair.a.id, "b": pair.b.id, "comparable": False, "seeds": pair.seeds, "better": None}
    return Comparison.model_validate({**facts, **dict.fromkeys(figures), "finding": reason})


def _compared(pair: Pair, test: PairedT, corrected: float | None) -> Comparison:
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
        p_value_corrected=corrected,
        better=_better(pair, difference.mean) if is_shown(corrected) else None,
        finding=_finding(pair, test, corrected),
    )


def is_shown(corrected: float | None) -> bool:
    """Whether a corrected p-value is small enough to speak of a difference."""
    return corrected is not None and corrected < 1 - LEVEL


def _better(pair: Pair, difference: float) -> int:
    a_is_better = (difference > 0) == (DIRECTIONS[pair.metric] == "max")
    return pair.a.id if a_is_better else pair.b.id


def _finding(pair: Pair, test: PairedT, corrected: float | None) -> Remark:
    if corrected is None:
        return _without_spread(pair, test.difference)
    difference, (low, high) = test.difference.mean, bounds(test.difference.interval)
    figures = f"{difference:+.3g} [{low:+.3g}, {high:+.3g}] over {test.difference.n} seeds"
    figures += f", corrected p = {corrected:.2g}"
    if not is_shown(corrected):
        return Remark(
            code="no_difference_shown",
            sentence=f"Nothing tells experiments {pair.a.id} and {pair.b.id} apart in {pair.metric}: {figures}.",
            remedy="Take the simpler of the two, or add seeds: a small difference takes many to show.",
        )
    side = "higher" if difference > 0 else "lower"
    return Remark(
        code="difference_shown",
        sentence=f"The {pair.metric} of experiment {pair.a.id} is {side} than that of {pair.b.id}: {figures}.",
        remedy="Whether it is large enough to matter is yours to say; then ask the test set, once.",
    )


def _without_spread(pair: Pair, difference: Mean) -> Remark:
    which = f"The {pair.metric} of experiments {pair.a.id} and {pair.b.id}"
    if difference.mean == 0:
        return Remark(
            code="identical",
            sentence=f"{which} is the same in each of {difference.n} seeds.",
            remedy="See whether their specs differ in anything that matters: compare their spec_hash.",
        )
    return Remark(
        code="no_spread",
        sentence=f"{which} differs by {difference.mean:+.3g} in each of {difference.n} seeds alike: "
        "Student's t is not defined.",
        remedy="Add seeds, and see whether the seed has any influence on these models.",
    )


def _remarks(of: Contender, metric: SelectionMetric) -> Iterator[Remark]:
    """What makes the figures of one experiment look better or worse than they are."""
    chosen_by = ExperimentSpec.model_validate(of.spec).selection_metric
    if chosen_by != metric:
        yield Remark(
            code="selected_by_another_metric",
            sentence=f"Experiment {of.id} selected its epochs by {chosen_by}, and is compared by {metric}.",
            remedy=f"Compare by {chosen_by}, or submit it with {metric} as the metric of early stopping.",
        )
    missing = [seed for seed in of.spec["seeds"] if seed not in of.figures]
    if missing and of.figures:
        yield Remark(
            code="seeds_left_out",
            sentence=f"{len(missing)} of the {len(of.spec['seeds'])} seeds of experiment {of.id} have not "
            "succeeded and are left out: what fails may be what would have been worst.",
            remedy="Wait until they are over, or find out why they failed.",
        )
