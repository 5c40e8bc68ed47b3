"""Differences of experiments on the same rows, from their row-level results: computed once for each pair.

Results are found by the hashes of what they were computed from, so a cached one is never out of date.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row

from service.experiments.computing import COMPUTING
from service.experiments.contenders import Contender, Pair
from service.experiments.row_results import RowResultsLoader
from service.store import row_results_reader
from service.store.epochs.epoch_export import ExportCutShort
from service.store.errors import UnusableRowResults
from service.store.run_keys import RunKey
from service.store.spec_facts import quantile_of
from workers.evaluation.bootstrap import METRICS
from workers.evaluation.comparisons import McNemar, mcnemar
from workers.evaluation.differences import Difference
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.paired_bootstrap import ResampledMetric, between_rows, resample
from workers.evaluation.regression_bootstrap import NUMBER_METRICS, resample_numbers
from workers.evaluation.row_results import RowResults, Singles
from workers.evaluation.score_differences import SCORED, between_scores, is_known
from workers.lru_cache import LruCache
from workers.nn.arrays import Integers
from workers.randomness import generator

log = logging.getLogger("holdout.comparisons")

CACHED = 20_000
"""Pairs by one metric. One with five seeds takes about a kilobyte."""

Unknown = Literal[
    "metric_not_resampled",
    "without_interval",
    "no_scores",
    "no_row_results",
    "unreadable_row_results",
    "different_rows",
    "too_few_rows",
]
"""Why there is no difference of a pair on its rows."""
UNREADABLE: Unknown = "unreadable_row_results"
Key = tuple[str, tuple[tuple[str, str], ...]]
"""A metric, and the hashes of the row-level results of each seed, of a and of b."""


@dataclass(frozen=True)
class RowDifference:
    """A pair on the same rows. tests: McNemar's, of each of these runs."""

    difference: Difference
    runs: tuple[RunKey, ...]
    tests: tuple[McNemar, ...]


@dataclass(frozen=True, eq=False)
class Numbers:
    """What an experiment predicted in a regression: predictions (S, N), targets (N,)."""

    predictions: NDArray[np.float64]
    targets: NDArray[np.float64]
    quantile: float


@dataclass(frozen=True, eq=False)
class Sample:
    """What an experiment predicted: predictions (S, N) of its runs. labels: (N,). scores: the probabilities of the
    true class (S, N), None if the output layer gives none.

    rows: a hash of the data set, its rows and their labels. class_counts: rows of each class in the sample that
    tells how frequent the classes are; None if these rows are it.
    """

    runs: list[RunKey]
    predictions: Integers
    scores: NDArray[np.float64] | None
    labels: Integers
    classes: int
    rows: str
    class_counts: Integers | None
    numbers: Numbers | None = None

    @staticmethod
    def of(contender: Contender, results: Sequence[RowResults]) -> "Sample":
        """results: of the runs in the contender's order, all of the same rows."""
        first, scores = results[0], [each.score for each in results]
        labels = first.labels.astype(np.int64)
        rows = hashlib.sha256(contender.dataset["sha256"].encode() + first.rows.tobytes() + labels.tobytes())
        rows.update(b"" if first.targets is None else first.targets.tobytes())
        return Sample(
            runs=list(contender.row_results),
            predictions=np.stack([each.predicted for each in results]).astype(np.int64),
            scores=_stacked(scores),
            numbers=_numbers(contender, results),
            labels=labels,
            classes=len(contender.dataset["classes"]),
            rows=rows.hexdigest(),
            class_counts=class_counts(contender),
        )


class RowDifferences:
    """The differences of one database's experiments. It computes those of one request at a time."""

    def __init__(self, loader: RowResultsLoader) -> None:
        self._loader = loader
        self._computed: LruCache[Key, RowDifference | Unknown] = LruCache(CACHED)
        self._computing = Lock()

    def of(self, pairs: Sequence[Pair]) -> list[RowDifference | Unknown]:
        """The difference of each pair of one request, or why there is none. No transaction may be open."""
        keys = [_key(pair) for pair in pairs]
        found = {key: self._cached(key) for key in keys}
        if None in found.values():
            with self._computing:
                found |= {key: self._cached(key) for key in keys}
                missing = [pair for pair, key in zip(pairs, keys, strict=True) if found[key] is None]
                found |= self._compute(missing)
        return [found[key] or UNREADABLE for key in keys]

    def _cached(self, key: Key) -> RowDifference | Unknown | None:
        metric, hashes = key
        if BY_NAME[metric].without_interval:
            return "without_interval"
        if metric not in METRICS and metric not in SCORED and metric not in NUMBER_METRICS:
            return "metric_not_resampled"
        return self._computed.get(key) if hashes else "no_row_results"

    def _compute(self, pairs: Sequence[Pair]) -> dict[Key, RowDifference | Unknown]:
        contenders = {each.id: each for pair in pairs for each in (pair.a, pair.b)}
        samples = {id_: sample for id_, each in contenders.items() if (sample := self._load(each))}
        found: dict[Key, RowDifference | Unknown] = {}
        for metric in {pair.metric for pair in pairs}:
            resampled = _resampled(samples, metric) if metric in METRICS or metric in NUMBER_METRICS else {}
            for pair in pairs:
                if pair.metric == metric and {pair.a.id, pair.b.id} <= samples.keys():
                    found[_key(pair)] = _difference(pair, samples, resampled)
        for key, difference in found.items():
            self._computed.put(key, difference)
        return found

    def _load(self, contender: Contender) -> Sample | None:
        """The row-level results of an experiment; None if they cannot be read, which is logged."""
        try:
            results = [self._loader.load(run) for run in contender.row_results.values()]
        except (UnusableRowResults, ExportCutShort) as error:
            log.warning("the row-level results of experiment %s cannot be read: %s", contender.id, error)
            return None
        return Sample.of(contender, results)


def stored(connection: Connection, experiment_id: int) -> dict[RunKey, Row[Any]]:
    """The runs of an experiment that have succeeded and kept row-level results."""
    runs = row_results_reader.runs(connection, experiment_id)
    return {RunKey.of(run): run for run in runs if run.status == "succeeded" and run.sha256 is not None}


def _key(pair: Pair) -> Key:
    a, b = pair.a.row_results, pair.b.row_results
    return pair.metric, tuple((a[run].sha256, b[run].sha256) for run in _runs(pair))


def _runs(pair: Pair) -> list[RunKey]:
    """The runs of which both have row-level results."""
    return [run for run in pair.runs if run in pair.a.row_results and run in pair.b.row_results]


def _resampled(samples: Mapping[int, Sample], metric: str) -> dict[int, ResampledMetric]:
    """A metric of each experiment under the draws of its rows, which depend on these rows alone."""
    groups: dict[str, list[int]] = {}
    for id_, sample in samples.items():
        groups.setdefault(sample.rows, []).append(id_)
    found: dict[int, ResampledMetric] = {}
    for ids in groups.values():
        first = samples[ids[0]]
        if metric in NUMBER_METRICS:
            found |= _resampled_numbers(ids, samples, metric)
            continue
        predictions = [samples[id_].predictions for id_ in ids]
        stream = generator(0, "comparisons")
        counts = first.class_counts
        resampled = COMPUTING.call(
            resample, predictions, first.labels, metric, stream, classes=first.classes, class_counts=counts
        )
        found |= dict(zip(ids, resampled, strict=True))
    return found


def _resampled_numbers(
    ids: Sequence[int], samples: Mapping[int, Sample], metric: str
) -> dict[int, ResampledMetric]:
    """The same of regressions on the same rows. Both places of a pair have the same draws: there is no prior."""
    first, numbers = samples[ids[0]], {id_: samples[id_].numbers for id_ in ids}
    present = {id_: each for id_, each in numbers.items() if each is not None}
    resampled = COMPUTING.call(
        resample_numbers,
        [each.predictions for each in present.values()],
        next(iter(present.values())).targets,
        first.labels,
        metric,
        generator(0, "comparisons"),
        count=first.classes,
        bin_counts=first.class_counts,
        quantiles=[each.quantile for each in present.values()],
    )
    return {id_: ResampledMetric(each, each) for id_, each in zip(present, resampled, strict=True)}


def _numbers(contender: Contender, results: Sequence[RowResults]) -> Numbers | None:
    targets = results[0].targets
    if targets is None:
        return None
    predictions = [each.prediction for each in results if each.prediction is not None]
    return Numbers(np.stack(predictions), targets, quantile_of(contender.spec))


def _difference(
    pair: Pair, samples: Mapping[int, Sample], resampled: Mapping[int, ResampledMetric]
) -> RowDifference | Unknown:
    a, b, runs = samples[pair.a.id], samples[pair.b.id], _runs(pair)
    if a.rows != b.rows:
        return "different_rows"
    of_a, of_b = [a.runs.index(run) for run in runs], [b.runs.index(run) for run in runs]
    values = pair.values(pair.a, runs), pair.values(pair.b, runs)
    if len(a.labels) == 1 and pair.metric not in METRICS:
        return "too_few_rows"
    if pair.metric in METRICS or pair.metric in NUMBER_METRICS:
        rows = len(a.labels) if pair.metric in NUMBER_METRICS else None
        difference = between_rows(
            resampled[pair.a.id].of_seeds(of_a), resampled[pair.b.id].of_seeds(of_b), *values, rows=rows
        )
    elif a.scores is None or b.scores is None or not is_known(pair.metric, a.classes):
        return "no_scores"
    else:
        difference = between_scores(pair.metric, a.scores[of_a], b.scores[of_b], a.labels, *values)
    if a.numbers:
        return RowDifference(difference, tuple(runs), ())
    tests = [
        mcnemar(a.predictions[i] == a.labels, b.predictions[j] == b.labels)
        for i, j in zip(of_a, of_b, strict=True)
    ]
    return RowDifference(difference, tuple(runs), tuple(tests))


def _stacked(scores: Sequence[Singles | None]) -> NDArray[np.float64] | None:
    known = [each.astype(np.float64) for each in scores if each is not None]
    return np.stack(known) if len(known) == len(scores) else None


def class_counts(contender: Contender) -> Integers | None:
    """With a stratified split, the classes are as frequent as in all of the data set (K,)."""
    return class_counts_of(contender.spec, contender.experiment.plan)


def class_counts_of(spec: Mapping[str, Any], plan: Mapping[str, Any]) -> Integers | None:
    """The same of a stored spec and its plan."""
    if not spec["split"]["stratify"]:
        return None
    validation = np.array(plan["split_counts"]["validation"])
    counts: Integers = np.rint(validation * (plan["dataset"]["rows"] / validation.sum())).astype(np.int64)
    return counts
