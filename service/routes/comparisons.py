"""Compare experiments: which one is better, and whether the data can tell."""

from itertools import combinations
from typing import Annotated

from fastapi import APIRouter, Query

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, problems
from service.api.routing.comparison_parameters import ComparisonQuery
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.strict_route import StrictRoute
from service.experiments.comparability import Contender, Pair
from service.experiments.comparisons import compare, remarks_about
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.comparisons import Comparisons
from service.store import experiment_reader, status_reader
from service.store.epochs import selected_epoch_reader
from service.store.errors import UnknownExperiment
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.spec import ExperimentSpec

router = APIRouter(tags=["experiments"], route_class=StrictRoute)


@router.get(
    "/comparisons",
    operation_id="compare_experiments",
    dependencies=[allow("read")],
    summary="Compare experiments",
    responses=problems(UnknownExperiment, InvalidQuery) | conditional(),
)
def compare_experiments(
    query: Annotated[ComparisonQuery, Query()], precondition: PreconditionDep, database: DatabaseDep
) -> Comparisons:
    """Compute paired differences over the seeds that succeeded in both experiments, with intervals, and with p-values
    corrected for the number of comparisons. Pairs with different data, different validation rows or too few common
    seeds are not compared; their `finding` gives the reason and a remedy.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.states(connection, query.experiments))
        rows = experiment_reader.experiments(connection, query.experiments)
        figures = selected_epoch_reader.succeeded_runs(connection, query.experiments)
    metric, pairs = _pairs([Contender(rows[id_], figures.get(id_, {})) for id_ in query.experiments], query)
    items = compare(pairs)
    return Comparisons(
        metric=metric, direction=BY_NAME[metric].direction, items=items, remarks=remarks_about(pairs, items)
    )


def _pairs(contenders: list[Contender], query: ComparisonQuery) -> tuple[SelectionMetric, list[Pair]]:
    """The metric, and the pairs: all pairs, or each experiment with the reference."""
    first = next(each for each in contenders if query.reference in (None, each.id))
    metric = query.metric or ExperimentSpec.model_validate(first.spec).selection_metric
    if query.reference is None:
        return metric, [Pair(a, b, metric) for a, b in combinations(contenders, 2)]
    return metric, [Pair(each, first, metric) for each in contenders if each is not first]
