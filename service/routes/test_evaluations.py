"""The sealed test set: evaluate an experiment on it, and read the ledger of all looks."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Row

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, problems
from service.api.routing.dependencies import CallerDep, DatabaseDep, RegistryDep, SettingsDep
from service.api.routing.parameters import ExperimentId
from service.api.routing.strict_route import StrictRoute
from service.experiments.majority import majority_accuracies
from service.experiments.test_evaluation import SealedEvaluator, SealedRows
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.test_evaluations import Evaluation, Ledger, evaluation
from service.settings import Settings
from service.store import ledger
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import BudgetSpent, NoModel, NoTestPart, UnknownExperiment, UnusableModel
from workers.data.errors import DatasetError

router = APIRouter(
    prefix="/experiments/{experiment_id:number}/test-evaluations", tags=["test set"], route_class=StrictRoute
)
errors = (UnknownExperiment, UnusableModel, NoTestPart, DatasetError, BlobStoreUnavailable, InvalidQuery)


@router.post(
    "",
    status_code=201,
    operation_id="evaluate_on_test_set",
    summary="Evaluate a finished experiment on the sealed test part",
    dependencies=[allow("submit")],
    responses=problems(*errors, NoModel, BudgetSpent)
    | {
        200: {
            "model": Evaluation,
            "description": "These models were evaluated before; the response is the same again.",
        }
    },
)
def evaluate_on_test_set(
    experiment_id: ExperimentId,
    request: Request,
    response: Response,
    caller: CallerDep,
    database: DatabaseDep,
    registry: RegistryDep,
    settings: SettingsDep,
) -> Evaluation:
    """Evaluate all its seeds on rows that were used neither for training nor for selection. A budget limits the
    evaluations on the same rows, to one by default, and a ledger records each before its result is computed.
    Evaluating the same models again costs nothing.
    """
    evaluator = SealedEvaluator(database, registry, request.app.state.models, settings)
    sealed = evaluator.sealed_rows(experiment_id)
    entry, is_new = evaluator.evaluate(sealed, caller.name)
    if not is_new:
        response.status_code = 200
    with database.read() as connection:
        looks, _ = ledger.state(connection, entry.test_set)
    return _evaluation(sealed, entry, looks)


@router.get(
    "",
    operation_id="read_ledger",
    summary="Read the ledger of an experiment's test part",
    dependencies=[allow("read")],
    responses=problems(*errors) | conditional(),
)
def read_ledger(
    experiment_id: ExperimentId,
    request: Request,
    precondition: PreconditionDep,
    database: DatabaseDep,
    registry: RegistryDep,
    settings: SettingsDep,
) -> Ledger:
    """List every evaluation on these test rows, including those of experiments on copies of the data set."""
    sealed = SealedEvaluator(database, registry, request.app.state.models, settings).sealed_rows(
        experiment_id
    )
    with database.read() as connection:
        precondition.require_modified(
            sealed.sha256, ledger.state(connection, sealed.sha256), settings.test_budget
        )
        rows = ledger.entries(connection, sealed.sha256)
    return _ledger(sealed, rows, settings)


def _ledger(sealed: SealedRows, rows: Sequence[Row[Any]], settings: Settings) -> Ledger:
    budget = None if settings.test_ladder else settings.test_budget
    return Ledger(
        test_set=sealed.sha256,
        source=sealed.source,
        rows=len(sealed.part),
        budget=budget,
        remaining=None if budget is None else max(0, budget - len(rows)),
        looks=len(rows),
        items=[_evaluation(sealed, row, len(rows)) for row in rows],
    )


def _evaluation(sealed: SealedRows, entry: Row[Any], looks: int) -> Evaluation:
    majority = majority_accuracies(sealed.experiment.plan)[0, 0, "test"]
    return evaluation(entry, looks=looks, classes=sealed.part.classes, majority=majority)
