"""Shift: compare new rows with the validation rows of an experiment."""

from typing import Annotated, Any

from anyio import from_thread
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError

from service.api.auth.authorization import allow
from service.api.openapi.responses import problems
from service.api.routing.dependencies import CallerDep, UploadsDep
from service.api.routing.parameters import ExperimentId, ModelQuery
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.datasets.batches import form_schema, receive_batch
from service.datasets.free_space import StorageFull
from service.datasets.uploads import UnusableUpload, UploadsBusy, UploadTooLarge
from service.experiments.model_cache import LoadedModel
from service.experiments.shift import RowBatch, batch_of_json, compare_batch
from service.http.bodies import JSONRequest
from service.http.query import InvalidQuery
from service.schemas.shift import Shift, ShiftBatch
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import ManyModels, NoModel, UnknownExperiment, UnknownRun, UnusableModel
from workers.data.batch_file import BatchLayout
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry
from workers.validation.errors import InvalidSpec, to_field_errors

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    tags=["models"],
    dependencies=[allow("read"), run_on("shifts")],
    route_class=StrictRoute,
)
errors = (
    *(UnknownExperiment, UnknownRun, NoModel, ManyModels, UnusableModel, InvalidQuery, BlobStoreUnavailable),
    *(InvalidSpec, DatasetError, UnusableUpload, UploadTooLarge, UploadsBusy, StorageFull),
)
FORM = "multipart/form-data"
body: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ShiftBatch.model_json_schema()},
            FORM: {"schema": form_schema},
        },
    }
}


@router.post(
    "/shift",
    operation_id="compare_batch",
    summary="Compare a batch of new rows with the validation rows",
    responses=problems(*errors, body=True, form=True),
    openapi_extra=body,
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
    batch = _received(request, model, uploads, caller)
    found = compare_batch(model, request.app.state.shift_references, batch)
    return Shift.of(
        found.report,
        found.reference.classes,
        experiment_id=experiment_id,
        **model.key._asdict(),
        rows=len(batch.values),
        validation_rows=len(found.reference.rows),
        ignored=batch.ignored,
        unknown=batch.unknown,
    )


def _received(request: Request, model: LoadedModel, uploads: UploadsDep, caller: CallerDep) -> RowBatch:
    """The batch in a form or in a JSON body. Raises InvalidSpec, and the errors of forms and bodies."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        registry = uploads.registry
        return receive_batch(request, caller.name, uploads, lambda label: _layout(model, registry, label))
    given = from_thread.run(JSONRequest(request.scope, request.receive).json)
    try:
        sent = ShiftBatch.model_validate(given)
    except ValidationError as error:
        raise InvalidSpec(to_field_errors(error, ShiftBatch)) from None
    with model.alone() as predictor:
        return batch_of_json(predictor, sent.rows, sent.labels)


def _layout(model: LoadedModel, registry: DatasetRegistry, label: str | None) -> BatchLayout:
    """What a file of rows for a model looks like. label: the column that the form names."""
    dataset = model.experiment.plan["dataset"]
    predictor, shape = model.predictor, dataset["shape"]
    known = label or registry.label_of(model.experiment.dataset)
    return BatchLayout(
        predictor.columns and tuple(predictor.columns),
        predictor.features,
        () if predictor.is_regression else predictor.classes,
        tuple(shape) if shape else None,
        known,
        needs_label=label is not None,
    )
