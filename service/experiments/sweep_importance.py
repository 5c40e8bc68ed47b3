"""Which field of a sweep mattered, from the results of the candidates that have succeeded."""

from dataclasses import asdict
from statistics import fmean

from service.experiments.ranking import require_one_metric
from service.schemas.leaderboards import SweepImportance
from service.store.sweep_results_reader import SweepResults
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.sweeps.field_effects import field_effects


def importance_of(sweep_id: int, metric: SelectionMetric, results: SweepResults) -> SweepImportance:
    """Of each swept field. A candidate counts if each of its runs has a value.

    Raises InvalidQuery if the metric is not the same for all candidates.
    """
    require_one_metric(results, metric)
    swept, values = [], []
    for each in results.experiments:
        of_runs = [getattr(row, metric) for row in results.figures.get(each.id, {}).values()]
        if of_runs and None not in of_runs:
            swept.append(each.swept)
            values.append(fmean(of_runs))
    declared = BY_NAME[metric]
    found = field_effects(swept, values, lowest=declared.lowest, highest=declared.highest)
    pairs = [{"paths": list(paths), "share": share} for paths, share in found.interactions.items()]
    return SweepImportance.model_validate(
        {
            "sweep_id": sweep_id,
            "metric": metric,
            "candidates": len(values),
            "fields": [asdict(each) for each in found.fields],
            "interactions": pairs,
            "unexplained": found.unexplained,
        }
    )
