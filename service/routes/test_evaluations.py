"""The sealed test set: evaluate an experiment on it, and read the ledger of all looks."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from sqlalchemy import Row

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, problems
from service.api.routing.dependencies import CallerDep, DatabaseDep, RegistryDep, SettingsDep
from service.api.routing.parameters import ExperimentId
from service.api.routing.strict_route import StrictRoute
from service.experiments.test_evaluation import SealedEvaluator, SealedRows
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.ledger_entries import evaluation
from service.schemas.test_evaluations import Acceptance, EarlierUse, Evaluation, Ledger
from service.settings import Settings
from service.store import exposures, ledger
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    NoModel,
    NoTestPart,
    RowsUsedBefore,
    UnknownExperiment,
    UnusableModel,
)
from service.store.exposures import RowUse
from workers.data.errors import DatasetError
from workers.validation.errors import InvalidSpec

router = APIRouter(
    prefix="/experiments/{experiment_id:number}/test-evaluations", tags=["test set"], route_class=StrictRoute
)
errors = (
    UnknownExperiment,
    UnusableModel,
    NoTestPart,
    DatasetError,
    BlobStoreUnavailable,
    InvalidQuery,
)

NOTHING_ACCEPTED = Acceptance(accept=[])


@router.post(
    "",
    status_code=201,
    operation_id="evaluate_on_test_set",
    summary="Evaluate a finished experiment on the sealed test part",
    dependencies=[allow("submit")],
    responses=problems(*errors, NoModel, RowsUsedBefore, InvalidSpec, body=True)
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
    acceptance: Annotated[Acceptance, Body()] = NOTHING_ACCEPTED,
) -> Evaluation:
    """Evaluate all its seeds on rows that were used neither for training nor for selection.

    If any experiment trained or validated on one of the rows, or was tested on one before, the response is a 409 with
    the list, unless the body accepts that. A ledger records each evaluation before its result is computed. Evaluating
    the same models again costs nothing.
    """
    evaluator = SealedEvaluator(database, registry, request.app.state.models, settings)
    sealed = evaluator.sealed_rows(experiment_id)
    entry, is_new = evaluator.evaluate(sealed, caller.name, acceptance.accept)
    if not is_new:
        response.status_code = 200
    with database.read() as connection:
        looks = ledger.overlapping(connection, sealed.sha256, sealed.digests)
    return _evaluation(sealed, entry, [look for look, _ in looks])


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
    """List every evaluation on any of these test rows, under whatever data set, and the experiments that trained or
    validated on some of them.
    """
    sealed = SealedEvaluator(database, registry, request.app.state.models, settings).sealed_rows(
        experiment_id
    )
    with database.read() as connection:
        exposed = exposures.exposed_by(connection, sealed.digests)
        seen = [(use.experiment_id, int(use.rows.sum())) for use in exposed]
        precondition.require_modified(sealed.sha256, ledger.state(connection), settings.test_budget, seen)
        looks = ledger.overlapping(connection, sealed.sha256, sealed.digests)
    return _ledger(sealed, [entry for entry, _ in looks], exposed, settings)


def _ledger(
    sealed: SealedRows, rows: Sequence[Row[Any]], exposed: Sequence[RowUse], settings: Settings
) -> Ledger:
    budget = None if settings.test_ladder else settings.test_budget
    return Ledger(
        test_set=sealed.sha256,
        source=sealed.source,
        rows=len(sealed.part),
        exposed_rows=ledger.rows_used(exposed),
        exposed_by=[EarlierUse(**ledger.listed(use)) for use in exposed[: ledger.LISTED]],
        budget=budget,
        remaining=None if budget is None else max(0, budget - len(rows)),
        looks=len(rows),
        items=[_evaluation(sealed, row, rows) for row in rows],
    )


def _evaluation(sealed: SealedRows, entry: Row[Any], looks: Sequence[Row[Any]]) -> Evaluation:
    """The response for an entry. One of a version that did not store the classes is of the same test rows."""
    if entry.classes is None:
        return evaluation(entry, looks=looks, classes=sealed.part.classes, majority=sealed.majority_accuracy)
    return evaluation(entry, looks=looks, classes=entry.classes, majority=entry.majority_accuracy)
