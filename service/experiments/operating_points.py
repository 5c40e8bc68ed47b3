"""What the threshold of each run's model gives on the rows that its selected epoch was evaluated on."""

import numpy as np
from numpy.typing import NDArray

from service.experiments.model_cache import ModelCache, stored_spec
from service.experiments.scored_runs import ScoredRun, ScoredRuns
from service.schemas.curves import OperatingPoint
from service.store.errors import NoThreshold
from service.store.run_keys import RunFilter
from workers.evaluation.confusion import confusion_matrix
from workers.evaluation.two_classes import positive_scores
from workers.thresholds import ChosenThreshold, ThresholdRule


def operating_points(found: ScoredRuns, models: ModelCache) -> list[OperatingPoint]:
    """Of each run. Raises NoThreshold, UnusableModel or BlobStoreUnavailable."""
    experiment = found.experiment
    rule = stored_spec(experiment).prediction
    if not isinstance(rule, ThresholdRule):
        raise NoThreshold(experiment.id)
    names = experiment.plan["dataset"]["classes"]
    points = []
    for run in found.runs:
        with models.load(experiment.id, RunFilter(*run.key)).alone() as predictor:
            chosen = predictor.threshold
        if chosen is not None:
            points.append(_point(run, rule, chosen, names))
    return points


def _point(run: ScoredRun, rule: ThresholdRule, chosen: ChosenThreshold, names: list[str]) -> OperatingPoint:
    matrix = _confusion(run, chosen)
    (true_negatives, false_positives), (false_negatives, true_positives) = matrix.tolist()
    return OperatingPoint(
        **run.fields,
        rows=len(run.labels),
        positive=names[chosen.positive],
        threshold=chosen.threshold,
        objective=rule.objective,
        chosen_value=chosen.value,
        value=rule.value(matrix, chosen.positive),
        optimistic=run.split == "validation",
        true_positives=true_positives,
        false_positives=false_positives,
        false_negatives=false_negatives,
        true_negatives=true_negatives,
    )


def _confusion(run: ScoredRun, chosen: ChosenThreshold) -> NDArray[np.int64]:
    """The confusion matrix (2, 2) at the threshold, negative before positive."""
    scores, is_positive = positive_scores(run.labels, run.score, chosen.positive)
    called = scores >= chosen.threshold
    return confusion_matrix(is_positive.astype(np.int64), called.astype(np.int64), 2)
