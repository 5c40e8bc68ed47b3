"""Another try for what failed or was cancelled."""

from fastapi import APIRouter

from service.api.auth.authorization import allow
from service.api.openapi.responses import problems
from service.api.routing.dependencies import DatabaseDep, NotifierDep, WakeDep
from service.api.routing.parameters import ExperimentId
from service.api.routing.strict_route import StrictRoute
from service.experiments import retries
from service.http.query import InvalidQuery
from service.schemas.experiments import Accepted
from service.store import experiment_reader
from service.store.errors import NothingToRetry, UnknownExperiment

router = APIRouter(prefix="/experiments", tags=["experiments"], route_class=StrictRoute)


@router.post(
    "/{experiment_id:number}/retry",
    status_code=202,
    operation_id="retry_experiment",
    dependencies=[allow("submit")],
    summary="Retry failed and cancelled runs",
    responses=problems(UnknownExperiment, NothingToRetry, InvalidQuery),
)
def retry_experiment(
    experiment_id: ExperimentId, database: DatabaseDep, engine: NotifierDep, ring: WakeDep
) -> Accepted:
    """Queues failed and cancelled runs again. They continue from their last checkpoint.

    Runs that succeeded stay as they are. Attempts and seconds start again from 0.
    """
    with database.write() as connection:
        retries.retry(connection, experiment_id, engine)
        accepted = Accepted.of(experiment_reader.experiment(connection, experiment_id))
    ring()
    return accepted
