"""How much worse metrics are on corrupted rows, with intervals paired over the same rows and seeds.

With one split, rows and seeds are resampled as in a comparison of two experiments. Of a cross-validation, the folds
are the sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.evaluation.bootstrap import METRICS, WeightedMargins
from workers.evaluation.differences import Difference, between_folds
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.paired_bootstrap import ResampledMetric, between_rows, resample_metrics
from workers.evaluation.regression_bootstrap import NUMBER_METRICS, WeightedRows, resample_numbers
from workers.nn.arrays import Integers
from workers.randomness import generator
from workers.robustness.predictions import Predicted

Floats = NDArray[np.float64]
CLASS_METRICS = ("accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class Drop:
    """A metric on corrupted rows, mean over the models. drop: how much worse it is than on the same rows as they are,
    with its 95 % interval; None of the rows as they are, and low, high also where nothing varies.
    """

    value: float
    drop: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class Values:
    """A metric of each run, (S,), in order of the folds. draws: the same resampled, (R, S), for one split."""

    runs: Floats
    draws: ResampledMetric | None


class Drops:
    """The drops of one report."""

    def __init__(
        self,
        clean: Mapping[str, Values],
        cells: Sequence[Mapping[str, Values]],
        runs_of_folds: Sequence[int],
        evaluation_share: float,
        rows: int | None = None,
    ) -> None:
        """rows: of a regression with one split, which no prior makes more of."""
        self._clean, self._cells, self._rows = clean, cells, rows
        self._runs_of_folds, self._share = runs_of_folds, evaluation_share

    @property
    def clean(self) -> dict[str, Drop]:
        return {name: Drop(self._mean(each.runs), None, None, None) for name, each in self._clean.items()}

    @property
    def cells(self) -> list[dict[str, Drop]]:
        return [self.mean_of([index]) for index in range(len(self._cells))]

    def mean_of(self, places: Sequence[int]) -> dict[str, Drop]:
        """Of the mean over some of the cells."""
        return {
            name: self._drop(name, [self._cells[place][name] for place in places]) for name in self._clean
        }

    def _drop(self, metric: str, corrupted: Sequence[Values]) -> Drop:
        clean, runs = self._clean[metric], np.mean([each.runs for each in corrupted], axis=0)
        value, sign = self._mean(runs), 1.0 if BY_NAME[metric].direction == "max" else -1.0
        difference = self._difference(clean, runs, [each.draws for each in corrupted])
        if difference is None:
            drop = sign * (self._mean(clean.runs) - value)
            return Drop(value, drop, None, None)
        interval = difference.interval()
        low, high = sorted((sign * interval.low, sign * interval.high))
        return Drop(value, sign * difference.value, low, high)

    def _difference(
        self, clean: Values, runs: Floats, draws: Sequence[ResampledMetric | None]
    ) -> Difference | None:
        if len(self._runs_of_folds) > 1:
            before, after = self._by_fold(clean.runs), self._by_fold(runs)
            return between_folds(before, after, evaluation_share=self._share)
        if self._rows == 1:
            return None
        known = [each for each in draws if each is not None]
        assert clean.draws is not None  # noqa: S101 -- one split is resampled
        mean = ResampledMetric(
            np.mean([each.first for each in known], axis=0), np.mean([each.second for each in known], axis=0)
        )
        return between_rows(clean.draws, mean, clean.runs.tolist(), runs.tolist(), rows=self._rows)

    def _by_fold(self, runs: Floats) -> list[float]:
        ends = np.cumsum(self._runs_of_folds)
        return [float(part.mean()) for part in np.split(runs, ends[:-1])]

    def _mean(self, runs: Floats) -> float:
        """Over folds, in each over its runs."""
        return fmean(self._by_fold(runs))


class DropEstimator(Protocol):
    """Measures the drops of a classification or of a regression."""

    def drops(self, clean: Sequence[Predicted], corrupted: Sequence[Sequence[Predicted]]) -> Drops: ...


@dataclass(frozen=True, eq=False)
class ClassDrops:
    """labels: (N,) of each fold. class_counts: as for `two_way_bootstrap`; evaluation_share: for `between_folds`."""

    labels: Sequence[Integers]
    classes: int
    class_counts: Integers | None = None
    evaluation_share: float = 1.0

    def drops(self, clean: Sequence[Predicted], corrupted: Sequence[Sequence[Predicted]]) -> Drops:
        """The drops of the metrics of classes."""
        samples = [clean, *corrupted]
        runs = [{name: self._runs(each, name) for name in CLASS_METRICS} for each in samples]
        draws = self._draws(samples) if len(clean) == 1 else [{}] * len(samples)
        found = [
            {name: Values(values[name], drawn.get(name)) for name in CLASS_METRICS}
            for values, drawn in zip(runs, draws, strict=True)
        ]
        return Drops(found[0], found[1:], [len(each) for each in clean], self.evaluation_share)

    def _runs(self, predicted: Sequence[Predicted], metric: str) -> Floats:
        of_folds = zip(predicted, self.labels, strict=True)
        return np.concatenate(
            [self._of_fold(each.astype(np.int64), labels, metric) for each, labels in of_folds]
        )

    def _of_fold(self, predicted: Integers, labels: Integers, metric: str) -> Floats:
        count = self.classes
        right = [np.bincount(labels[model == labels], minlength=count) for model in predicted]
        guessed = [np.bincount(model, minlength=count) for model in predicted]
        support = np.broadcast_to(np.bincount(labels, minlength=count), (len(predicted), count))
        margins = (np.stack(right), support, np.stack(guessed))
        return METRICS[metric](WeightedMargins(*(each.astype(np.float64) for each in margins)))

    def _draws(self, samples: Sequence[Sequence[Predicted]]) -> Sequence[Mapping[str, ResampledMetric]]:
        return resample_metrics(
            [each[0].astype(np.int64) for each in samples],
            self.labels[0],
            CLASS_METRICS,
            generator(0, "corruptions"),
            classes=self.classes,
            class_counts=self.class_counts,
        )


@dataclass(frozen=True, eq=False)
class NumberDrops:
    """targets, bins: (N,) of each fold; the bins in [0, count). quantile: of the pinball loss."""

    metric: str
    targets: Sequence[Floats]
    bins: Sequence[Integers]
    count: int
    bin_counts: Integers | None = None
    quantile: float = 0.5
    evaluation_share: float = 1.0

    def drops(self, clean: Sequence[Predicted], corrupted: Sequence[Sequence[Predicted]]) -> Drops:
        """The drops of the metric of the regression."""
        samples = [clean, *corrupted]
        draws = self._draws(samples) if len(clean) == 1 else [None] * len(samples)
        found = [
            {self.metric: Values(self._runs(each), drawn)} for each, drawn in zip(samples, draws, strict=True)
        ]
        runs_of_folds = [len(each) for each in clean]
        return Drops(found[0], found[1:], runs_of_folds, self.evaluation_share, len(self.targets[0]))

    def _runs(self, predicted: Sequence[Predicted]) -> Floats:
        found = [
            NUMBER_METRICS[self.metric](
                WeightedRows(np.ones((1, len(targets))), targets, each - targets, self.quantile)
            )[0]
            for each, targets in zip(predicted, self.targets, strict=True)
        ]
        return np.concatenate(found)

    def _draws(self, samples: Sequence[Sequence[Predicted]]) -> list[ResampledMetric]:
        found = resample_numbers(
            [each[0].astype(np.float64) for each in samples],
            self.targets[0],
            self.bins[0],
            self.metric,
            generator(0, "corruptions"),
            count=self.count,
            bin_counts=self.bin_counts,
            quantiles=[self.quantile] * len(samples),
        )
        return [ResampledMetric(each, each) for each in found]
