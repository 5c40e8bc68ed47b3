"""Leaderboards: the candidates of a sweep by their value, the group that cannot be told from the best, and the one to
take. Computed once for each set of candidates that have succeeded.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Row

from service.experiments.candidate_comparison import CandidateComparison, Entrant, compare_candidates
from service.experiments.candidate_rows import load_rows
from service.experiments.contenders import Contender, titles
from service.experiments.ranking import require_one_metric
from service.experiments.row_results import RowResultsLoader
from service.schemas.base import Remark, capitalised
from service.schemas.experiments import links
from service.schemas.leaderboards import BestValue, Leaderboard, RankedCandidate, Recommended
from service.schemas.sweeps import CandidateCounts
from service.store import sweep_reader, sweep_results_reader
from service.store.database import Database
from service.store.spec_facts import is_regression, measured_part, selection_metric
from service.store.sweep_results_reader import SweepResults
from workers.evaluation.intervals import LEVEL, Interval
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.titles import in_words
from workers.evaluation.selection import SelectionMetric
from workers.lru_cache import LruCache

CACHED = 20
AS_FAST = 1.5
MOMENT = 1.0
"""Up to so many times the shortest training, and a second more, count as equally fast: a busy machine does that."""
Key = tuple[Any, ...]

SELECTED = Remark(
    code="same_rows",
    sentence="The epochs were selected on the validation rows that the values were measured on, so all values are "
    "slightly too good, the corrected one included.",
    remedy='Give the base spec a "split" with the name cross_validation: it measures on rows that selected nothing.',
)
ONE_SEED = Remark(
    code="one_seed",
    sentence="Each candidate has a single run: the comparison is of these models, and another seed may rank them "
    "otherwise.",
    remedy='Submit the sweep with several seeds, as in "replicates": 3.',
)


class LeaderboardService:
    """The leaderboards of one database. It computes one at a time."""

    def __init__(self, database: Database, row_results: RowResultsLoader) -> None:
        self._database, self._row_results = database, row_results
        self._computed: LruCache[Key, Leaderboard] = LruCache(CACHED)
        self._computing = Lock()

    @staticmethod
    def version(connection: Connection, sweep: Row[Any]) -> Key:
        """What the leaderboard of a sweep changes with."""
        counts = sweep_reader.state(connection, sweep).candidates
        return (*sweep_results_reader.version(connection, sweep.id), tuple(counts.items()))

    def get(self, sweep: Row[Any], metric: SelectionMetric, version: Key) -> Leaderboard:
        """The leaderboard of a sweep by a metric. version: of its results. No transaction may be open.

        Raises InvalidQuery if the metric is not the same for all candidates.
        """
        key = (sweep.id, metric, *version)
        with self._computing:
            found = self._computed.get(key)
            if found is None:
                found = self._compute(sweep, metric)
                self._computed.put(key, found)
        return found

    def _compute(self, sweep: Row[Any], metric: SelectionMetric) -> Leaderboard:
        with self._database.read() as connection:
            counts = sweep_reader.state(connection, sweep).candidates
            results = sweep_results_reader.results(connection, sweep.id)
        require_one_metric(results, metric)
        entrants = _entrants(results, metric, self._row_results)
        comparison = compare_candidates(entrants, metric) if entrants else None
        return _leaderboard(sweep, metric, counts, entrants, comparison, results)


def metric_of(sweep: Row[Any]) -> SelectionMetric:
    """The metric that selects the epochs of the base spec."""
    return selection_metric(sweep.request["spec"])


def _entrants(results: SweepResults, metric: SelectionMetric, loader: RowResultsLoader) -> list[Entrant]:
    """The candidates with a value, the best first; equal ones by their parameters, then by their order."""
    named = titles(results.experiments)
    valued: list[tuple[Contender, float]] = []
    for each in results.experiments:
        figures, rows = results.figures.get(each.id, {}), results.row_results.get(each.id, {})
        contender = Contender(each, named[each.id], figures, rows, {})
        values = _values(contender, metric)
        if values and len(values) == len(figures):
            valued.append((contender, fmean(values)))
    loaded = load_rows([contender for contender, _ in valued], loader)
    found = [Entrant(*each, rows) for each, rows in zip(valued, loaded, strict=True)]
    sign = -1 if BY_NAME[metric].direction == "max" else 1
    return sorted(
        found, key=lambda each: (sign * each.value, _parameters(each), each.contender.experiment.candidate)
    )


def _leaderboard(
    sweep: Row[Any],
    metric: SelectionMetric,
    counts: Mapping[str, int],
    entrants: Sequence[Entrant],
    comparison: CandidateComparison | None,
    results: SweepResults,
) -> Leaderboard:
    items = _ranked(entrants, metric, comparison, results)
    recommended = _recommended(entrants, items, metric, comparison)
    for each in items:
        each.recommended = recommended is not None and each.experiment_id == recommended.experiment_id
    spec = sweep.request["spec"]
    first = entrants[0].contender if entrants else None
    return Leaderboard(
        sweep_id=sweep.id,
        metric=metric,
        direction=BY_NAME[metric].direction,
        split=measured_part(spec),
        level=LEVEL,
        counts=CandidateCounts(**counts),
        classes=[] if first is None or is_regression(first.spec) else first.dataset["classes"],
        ranked=len(items),
        top=sum(each.top is True for each in items) if comparison else None,
        critical=comparison.found.against_best.critical if comparison else None,
        best=_best(entrants, metric, comparison),
        recommended=recommended,
        items=items,
        remarks=[*_stopped(sweep, counts), *_remarks(entrants, items, metric, comparison)],
    )


def _ranked(
    entrants: Sequence[Entrant],
    metric: SelectionMetric,
    comparison: CandidateComparison | None,
    results: SweepResults,
) -> list[RankedCandidate]:
    places = {id(each): i for i, each in enumerate(comparison.entrants)} if comparison else {}
    sign = 1 if BY_NAME[metric].direction == "max" else -1
    items = []
    for rank, each in enumerate(entrants, 1):
        experiment, figures = each.contender.experiment, results.figures[each.contender.id].values()
        values, place = _values(each.contender, metric), places.get(id(each))
        against = comparison.found.against_best if comparison and place is not None else None
        interval = comparison.found.intervals[place] if comparison and place is not None else None
        items.append(
            RankedCandidate(
                rank=rank,
                candidate=experiment.candidate,
                experiment_id=experiment.id,
                name=experiment.name,
                values=experiment.swept,
                value=each.value,
                sd=stdev(values) if len(values) > 1 else None,
                low=interval.low if interval else None,
                high=interval.high if interval else None,
                runs=len(values),
                class_values=_class_means([row.class_accuracy for row in figures]),
                seconds=round(fmean(row.training_seconds for row in figures), 3),
                parameters=_parameters(each),
                difference=sign * float(against.differences[place]) if against is not None else None,
                p_value=float(against.p_values[place]) if against is not None else None,
                top=bool(against.top[place]) if against is not None else None,
                recommended=False,
                links=links(experiment.id),
            )
        )
    return items


def _recommended(
    entrants: Sequence[Entrant],
    items: Sequence[RankedCandidate],
    metric: SelectionMetric,
    comparison: CandidateComparison | None,
) -> Recommended | None:
    """The simplest candidate of the top group, and what it may cost; without a comparison, nothing is recommended."""
    top = [each for each in items if each.top]
    if not top:
        return None
    fewest = min(each.parameters for each in top)
    as_small = [each for each in top if each.parameters == fewest]
    shortest = min(each.seconds for each in as_small)
    as_fast = [each for each in as_small if each.seconds <= AS_FAST * shortest + MOMENT]
    chosen = as_fast[0]  # of equally simple ones, the best
    entrant = next(each for each in entrants if each.contender.id == chosen.experiment_id)
    title, price = entrant.contender.title, _price(entrant, metric, comparison)
    if len(top) == 1:
        sentence = (
            f"{title} is better by {in_words(metric)} than every other candidate."
            if len(items) > 1
            else (f"{title} is the only candidate that has succeeded.")
        )
    else:
        why = _why_simplest(len(as_small), len(as_fast), chosen.parameters)
        tied = f"{len(top)} of {len(items)} candidates cannot be told from the best"
        sentence = f"{tied} by {in_words(metric)}. {title} {why}."
    if price is not None and price[1].high > 0:
        measured = f"{price[0]:.3g} worse than" if price[0] else "as good as"
        sentence += f" It was measured {measured} the best, and may be up to {price[1].high:.3g} worse."
    return Recommended(
        experiment_id=chosen.experiment_id,
        candidate=chosen.candidate,
        sentence=capitalised(sentence),
        worse_by=price and price[0],
        low=price and price[1].low,
        high=price and price[1].high,
        links={"self": chosen.links["self"], "test_evaluations": chosen.links["test_evaluations"]},
    )


def _why_simplest(as_small: int, as_fast: int, parameters: int) -> str:
    """Why one candidate of the top group is the simplest. as_small, as_fast: how many have as few parameters, and how
    many of these train about as fast.
    """
    fewest = f"the fewest parameters ({parameters:,})"
    if as_small == 1:
        return f"has {fewest}"
    if as_fast == 1:
        return f"trains fastest of the {as_small} with {fewest}"
    return f"is the best of the {as_fast} with {fewest} that train about as fast"


def _price(
    of: Entrant, metric: SelectionMetric, comparison: CandidateComparison | None
) -> tuple[float, Interval] | None:
    """How much worse than the best an entrant is, with the interval that holds for all pairs; None for the best."""
    if comparison is None:
        return None
    against, place = (
        comparison.found.against_best,
        next(i for i, each in enumerate(comparison.entrants) if each is of),
    )
    if place == against.best:
        return None
    worse_by, margin = float(against.differences[place]), against.critical * float(against.errors[place])
    most = BY_NAME[metric].range
    return worse_by, Interval(max(-most, worse_by - margin), min(most, worse_by + margin), against.level)


def _best(
    entrants: Sequence[Entrant], metric: SelectionMetric, comparison: CandidateComparison | None
) -> BestValue | None:
    if not entrants:
        return None
    best, among = entrants[0], len(entrants)
    facts = {"experiment_id": best.contender.id, "measured": best.value, "among": among}
    found = comparison.found.corrected if comparison else None
    if found is None:
        return BestValue.model_validate({**facts, **dict.fromkeys(("corrected", "low", "high", "optimism"))})
    # The rows of all folds are measured together: the difference is carried over to the mean over folds.
    shift, better_by = best.value - found.measured, found.measured - found.corrected
    sign = 1 if BY_NAME[metric].direction == "max" else -1
    return BestValue.model_validate(
        {
            **facts,
            "corrected": found.corrected + shift,
            "low": found.interval.low + shift,
            "high": found.interval.high + shift,
            "optimism": sign * better_by,
        }
    )


def _stopped(sweep: Row[Any], counts: Mapping[str, int]) -> Iterator[Remark]:
    if sweep.stopped_at is not None:
        yield Remark(
            code="seconds_used_up",
            sentence=f"The {sweep.max_seconds:g} seconds of the sweep were used up: what had not started by then was "
            f"cancelled, {counts.get('cancelled', 0):,} of {sum(counts.values()):,} candidates in all.",
            remedy=f"POST /sweeps/{sweep.id}/retry trains them, for as many seconds again.",
        )


def _remarks(
    entrants: Sequence[Entrant],
    items: Sequence[RankedCandidate],
    metric: SelectionMetric,
    comparison: CandidateComparison | None,
) -> Iterator[Remark]:
    if not entrants:
        return
    if not entrants[0].contender.of_folds:
        yield SELECTED
        if all(each.runs == 1 for each in items):
            yield ONE_SEED
    if comparison is None:
        yield _not_compared(metric)
    elif others := [each for each in items if each.top is None]:
        yield Remark(
            code="different_rows",
            sentence=f"{len(others)} of {len(items)} candidates were measured on other rows than the best, or have "
            "no results for each row: they are not compared with it.",
            remedy="Leave the data set and the split out of the space, or retry what failed.",
        )


def _not_compared(metric: SelectionMetric) -> Remark:
    return Remark(
        code="not_compared",
        sentence=f"Nothing says which candidates are as good as the best by {in_words(metric)}: it cannot be "
        "resampled, or the best has no results for each row, or there is a single row to measure on.",
        remedy="Rank by balanced_accuracy, accuracy, macro_f1 or mcc; of a regression by rmse or mae, on many rows.",
    )


def _values(of: Contender, metric: SelectionMetric) -> list[float]:
    return [value for run in of.figures if (value := of.value(metric, run)) is not None]


def _class_means(of_runs: Sequence[Sequence[float | None]]) -> list[float | None]:
    """The mean recall of each class over the runs; None for a class that no run has rows of."""
    means: list[float | None] = []
    for of_class in zip(*of_runs, strict=True):
        present = [value for value in of_class if value is not None]
        means.append(fmean(present) if present else None)
    return means


def _parameters(of: Entrant) -> int:
    return int(of.contender.experiment.plan["parameters"])
