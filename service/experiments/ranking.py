"""Whether a metric ranks the candidates of a sweep."""

from service.http.query import InvalidQuery
from service.store.spec_facts import is_regression
from service.store.sweep_results_reader import SweepResults
from workers.evaluation.selection import SelectionMetric
from workers.sweeps.ranking import why_not_ranked


def require_one_metric(results: SweepResults, metric: SelectionMetric) -> None:
    """Raise InvalidQuery if a metric is not the same for all candidates."""
    specs = [each.spec for each in results.experiments]
    regression = bool(specs) and is_regression(specs[0])
    if why := why_not_ranked(metric, [each["loss"] for each in specs], regression=regression):
        raise InvalidQuery("metric", metric, why)
