"""Compare experiments: on the same rows by a bootstrap, over the same folds by a corrected t, with what each claims.

The intervals of one request cover together: each has the level 1 - 0.05 / m for m pairs (Bonferroni). So the pairs
may differ in their rows, folds and seeds, and each is computed once for all requests. A joint bootstrap (max-t) would
make them 3 % narrower for five experiments, and would have to be repeated for each set of experiments.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

from service.experiments.comparison_findings import CROSS_VALIDATION, Tested, finding_of
from service.experiments.contenders import Contender, Pair
from service.experiments.measurements import Measurement
from service.schemas.base import Remark, bounds, capitalised
from service.schemas.comparisons import Comparison, RowTest
from service.store.attempts import described, distinct
from workers.evaluation.comparisons import holm
from workers.evaluation.intervals import Interval
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.titles import in_words
from workers.evaluation.selection import SelectionMetric
from workers.spec import ExperimentSpec

SAME_ROWS = Remark(
    code="same_rows",
    sentence="The epochs were selected on the validation rows that these differences were measured on. That favours "
    "the experiment with more, and more different, epochs to select from.",
    remedy=f"Submit the specs with {CROSS_VALIDATION}, which measures on rows that selected nothing.",
)
FIGURES = (
    "mean_a",
    "mean_b",
    "difference",
    "sd",
    "level",
    "low",
    "high",
    "p_value",
    "p_value_corrected",
    "better",
)


def compare(pairs: Sequence[Pair], found: Sequence[Measurement | Remark]) -> list[Comparison]:
    """Compare each pair from what was measured of it; intervals and p-values are corrected for all of them."""
    tests = tested_pairs(found)
    corrected = iter(holm([test.p_value for each in _measured(found) for test in each.tests]))
    return [
        _refused(pair, each) if isinstance(each, Remark) else _compared(pair, each, tests, corrected)
        for pair, each in zip(pairs, found, strict=True)
    ]


def tested_pairs(found: Sequence[Measurement | Remark]) -> int:
    """How many pairs have an interval. One without is no test, and costs the others nothing."""
    return sum(each.difference is not None for each in _measured(found))


def remarks_about(pairs: Sequence[Pair], found: Sequence[Measurement | Remark]) -> list[Remark]:
    """Remarks that hold for all comparisons, and for the experiments in them."""
    contenders = {each.id: (each, pair.metric) for pair in pairs for each in (pair.a, pair.b)}
    remarks = [remark for each, metric in contenders.values() for remark in _remarks(each, metric)]
    remarks += _other_kernels([each for each, _ in contenders.values()])
    on_validation = any(
        isinstance(each, Measurement) and not pair.of_folds for pair, each in zip(pairs, found, strict=True)
    )
    return [SAME_ROWS, *remarks] if on_validation else remarks


def _other_kernels(contenders: Sequence[Contender]) -> list[Remark]:
    """Whether rounding may have moved a difference: of runs that different kernels computed."""
    environments = [distinct(each.computations) for each in contenders]
    found = [each for i, each in enumerate(chain(*environments)) if each not in [*chain(*environments)][:i]]
    if len(found) < 2:
        return []
    return [
        Remark(
            code="different_kernels",
            sentence="These experiments were computed by different processors, kernels or versions: "
            f"{'; '.join(map(described, found))}. They round differently, which changes single predictions.",
            remedy="Read no meaning into differences of a few rows, or submit all specs to agents of one kind.",
        )
    ]


def _measured(found: Sequence[Measurement | Remark]) -> list[Measurement]:
    return [each for each in found if isinstance(each, Measurement)]


def _refused(pair: Pair, reason: Remark) -> Comparison:
    facts = {"a": pair.a.id, "b": pair.b.id, "comparable": False, "seeds": pair.seeds, "finding": reason}
    return Comparison.model_validate({**dict.fromkeys(FIGURES), **facts})


def _compared(pair: Pair, found: Measurement, tests: int, corrected: Iterator[float | None]) -> Comparison:
    difference = found.difference
    interval = _within_range(difference.interval(comparisons=tests), pair.metric) if difference else None
    tested = Tested(interval, tests)
    low, high = bounds(interval)
    p_value = difference.p_value if difference else None
    return Comparison(
        a=pair.a.id,
        b=pair.b.id,
        comparable=True,
        claim=found.claim,
        seeds=found.seeds,
        folds=found.folds if pair.of_folds else None,
        mean_a=found.mean_a,
        mean_b=found.mean_b,
        difference=found.value,
        sd=found.sd,
        level=interval.level if interval else None,
        low=low,
        high=high,
        p_value=p_value,
        p_value_corrected=None if p_value is None else min(1.0, tests * p_value),
        better=_better(pair, tested.sign),
        mcnemar=[
            RowTest(seed=run.seed, **vars(test), p_value_corrected=next(corrected))
            for run, test in zip(found.runs if found.tests else (), found.tests, strict=True)
        ],
        finding=finding_of(pair, found, tested),
    )


def _within_range(interval: Interval, metric: SelectionMetric) -> Interval:
    """Two values of a metric differ by no more than its range."""
    most = BY_NAME[metric].range
    return Interval(max(interval.low, -most), min(interval.high, most), interval.level)


def _better(pair: Pair, sign: int) -> int | None:
    """The id of the better experiment, by the sign of an interval that excludes 0; None for 0."""
    if sign == 0:
        return None
    return pair.a.id if (sign > 0) == (BY_NAME[pair.metric].direction == "max") else pair.b.id


def _remarks(of: Contender, metric: SelectionMetric) -> Iterator[Remark]:
    """Reasons why the figures of one experiment may look better or worse than they are."""
    chosen_by = ExperimentSpec.model_validate(of.spec).selection_metric
    if chosen_by != metric:
        yield Remark(
            code="selected_by_another_metric",
            sentence=capitalised(
                f"{of.title} selected its epochs by {in_words(chosen_by)} but is compared by {in_words(metric)}."
            ),
            remedy=f"Compare by {chosen_by}, or submit the experiment with {metric} as the metric of early stopping.",
        )
    split, unit = of.spec["split"], "runs" if of.of_folds else "seeds"
    runs = len(of.spec["seeds"]) * split.get("folds", 1) * split.get("repeats", 1)
    missing = runs - len(of.figures)
    if missing > 0 and of.figures:
        yield Remark(
            code="seeds_left_out",
            sentence=f"{missing} of the {runs} {unit} of {of.title} have not succeeded and are left out. Those that "
            "fail may be those with the worst results.",
            remedy="Wait until they have finished, or find out why they failed.",
        )
