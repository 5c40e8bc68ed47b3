"""Shift: compare new rows with the validation rows of an experiment."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from service.api.auth.authorization import allow
from service.api.openapi.responses import problems
from service.api.routing.dependencies import CallerDep, UploadsDep
from service.api.routing.parameters import ExperimentId, ModelQuery
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.datasets import sent_batches
from service.experiments.model_cache import LoadedModel
from service.experiments.shift import compare_batch
from service.http.query import InvalidQuery
from service.schemas.shift import Shift
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import ManyModels, NoModel, UnknownExperiment, UnknownRun, UnusableModel

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    tags=["models"],
    dependencies=[allow("read"), run_on("shifts")],
    route_class=StrictRoute,
)
errors = (
    *(UnknownExperiment, UnknownRun, NoModel, ManyModels, UnusableModel, InvalidQuery, BlobStoreUnavailable),
    *sent_batches.ERRORS,
)


@router.post(
    "/shift",
    operation_id="compare_batch",
    summary="Compare a batch of new rows with the validation rows",
    responses=problems(*errors, body=True, form=True),
    openapi_extra=sent_batches.REQUEST_BODY,
)
def read_shift(
    experiment_id: ExperimentId,
    query: Annotated[ModelQuery, Query()],
    request: Request,
    uploads: UploadsDep,
    caller: CallerDep,
) -> Shift:
    """Test whether rows that arrived later are like those that the model was validated on: by its outputs, by the
    classes that it predicts, by kernel means (MMD), by a classifier that tells both apart, and feature by feature,
    the largest move first. Each test says how small a shift it would have found.

    Without labels, the share of each class is estimated (BBSE, EM), and the accuracy that it promises. With labels,
    the accuracy is measured, beside that of validation. Send JSON as to `/predict`, or a file as
    `curl -F format=csv -F file=@batch.csv`; the rows are not stored.
    """
    model: LoadedModel = request.app.state.models.load(experiment_id, query.runs)
    batch = sent_batches.received(request, model, uploads, caller.name)
    return compare_batch(model, request.app.state.shift_references, batch).described(model)
