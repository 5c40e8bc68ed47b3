"""Compare experiments: which one is better, and whether the data can tell. As figures, and as a chart."""

from collections.abc import Mapping
from itertools import combinations
from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import chart, conditional, problems
from service.api.routing.chart_parameters import ComparedCurvesQuery, ComparisonChartQuery
from service.api.routing.charts import SVG, svg_response
from service.api.routing.comparison_parameters import ComparisonQuery
from service.api.routing.dependencies import DatabaseDep, RowDifferencesDep
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments.chart_figures import forest_figure
from service.experiments.compared_curves import compared_curves_figure
from service.experiments.comparisons import compare, remarks_about, tested_pairs
from service.experiments.contenders import Contender, Pair, titles
from service.experiments.measurements import all_final, measure
from service.experiments.row_differences import RowDifferences, stored
from service.http.conditional import UNCACHED, Precondition, PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.comparisons import Comparisons
from service.schemas.formats import as_json
from service.store import attempts, experiment_reader, status_reader
from service.store.database import Database
from service.store.epochs import selected_epoch_reader
from service.store.errors import UnknownExperiment
from service.store.spec_facts import selection_metric
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.spec import ExperimentSpec

router = APIRouter(tags=["experiments"], route_class=StrictRoute)


@router.get(
    "/comparisons",
    operation_id="compare_experiments",
    dependencies=[allow("read")],
    summary="Compare experiments",
    response_model=Comparisons,
    responses=problems(UnknownExperiment, InvalidQuery) | conditional(),
)
def compare_experiments(
    query: Annotated[ComparisonQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    row_differences: RowDifferencesDep,
) -> Response:
    """Compare each pair on the same rows, by a bootstrap over rows and seeds together; or, of the same
    cross-validation, by a corrected t over its folds. `better` is named if the interval of the difference excludes 0;
    intervals are corrected for the number of pairs. Pairs with different data, rows or folds are not compared; their
    `finding` gives the reason and a remedy.
    """
    compared, is_final, _ = _compared(query, precondition, database, row_differences)
    return as_json(compared, precondition.headers if is_final else UNCACHED)


@router.get(
    "/comparisons/chart.svg",
    operation_id="read_comparison_chart",
    dependencies=[allow("read"), run_on("charts")],
    summary="Chart of a comparison",
    response_class=SVG,
    responses=chart() | problems(UnknownExperiment, InvalidQuery) | conditional(),
)
def read_comparison_chart(
    query: Annotated[ComparisonChartQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
    row_differences: RowDifferencesDep,
) -> Response:
    """Draw the difference of each pair with its interval, as a forest plot."""
    compared, is_final, named = _compared(query, precondition, database, row_differences)
    figure = forest_figure(compared, named)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers if is_final else UNCACHED)


@router.get(
    "/comparisons/curves.svg",
    operation_id="read_compared_curves_chart",
    dependencies=[allow("read"), run_on("charts")],
    summary="Chart of a metric of several experiments over the epochs",
    response_class=SVG,
    responses=chart() | problems(UnknownExperiment, InvalidQuery) | conditional(),
)
def read_compared_curves_chart(
    query: Annotated[ComparedCurvesQuery, Query()], precondition: PreconditionDep, database: DatabaseDep
) -> Response:
    """Draw the curves of several experiments over each other: each the mean over its runs, with a band from the least
    to the largest.
    """
    with database.read() as connection:
        precondition.require_modified(status_reader.states(connection, query.experiments))
        rows = experiment_reader.experiments(connection, query.experiments)
        experiments = [rows[id_] for id_ in query.experiments]
        metric = query.metric or selection_metric(experiments[0].spec)
        figure = compared_curves_figure(connection, experiments, metric, query.split)
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


def _compared(
    query: ComparisonQuery, precondition: Precondition, database: Database, row_differences: RowDifferences
) -> tuple[Comparisons, bool, Mapping[int, str]]:
    """The comparison, whether it can only change by a commit, and the titles of the experiments by their ids."""
    with database.read() as connection:
        precondition.require_modified(status_reader.states(connection, query.experiments))
        rows = experiment_reader.experiments(connection, query.experiments)
        figures = selected_epoch_reader.succeeded_runs(connection, query.experiments)
        computed = attempts.computations(connection, query.experiments)
        row_results = {id_: stored(connection, id_) for id_ in query.experiments}
    named = titles(rows.values())
    contenders = [
        Contender(rows[id_], named[id_], figures.get(id_, {}), row_results[id_], computed.get(id_, {}))
        for id_ in query.experiments
    ]
    metric, pairs = _pairs(contenders, query)
    found = measure(pairs, row_differences)
    compared = Comparisons(
        metric=metric,
        direction=BY_NAME[metric].direction,
        split="evaluation" if contenders[0].of_folds else "validation",
        tested=tested_pairs(found),
        items=compare(pairs, found),
        remarks=remarks_about(pairs, found),
    )
    return compared, all_final(found), named


def _pairs(contenders: list[Contender], query: ComparisonQuery) -> tuple[SelectionMetric, list[Pair]]:
    """The metric, and the pairs: all pairs, or each experiment with the reference."""
    first = next(each for each in contenders if query.reference in (None, each.id))
    metric = query.metric or ExperimentSpec.model_validate(first.spec).selection_metric
    if query.reference is None:
        return metric, [Pair(a, b, metric) for a, b in combinations(contenders, 2)]
    return metric, [Pair(each, first, metric) for each in contenders if each is not first]
