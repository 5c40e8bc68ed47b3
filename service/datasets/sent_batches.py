"""Batches of rows as requests send them: as JSON, or as a form with a file."""

from typing import Any

from anyio import from_thread
from fastapi import Request
from pydantic import ValidationError

from service.datasets.batches import form_schema, named_form_schema, receive_batch
from service.datasets.uploads import UnusableUpload, UploadsBusy, UploadService, UploadTooLarge
from service.experiments.model_cache import LoadedModel
from service.experiments.shift import RowBatch, batch_of_json
from service.free_space import StorageFull
from service.http.bodies import JSONRequest
from service.schemas.shift import ShiftBatch
from workers.data.batch_file import BatchLayout
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry
from workers.validation.errors import InvalidSpec, to_field_errors

ERRORS = (InvalidSpec, DatasetError, UnusableUpload, UploadTooLarge, UploadsBusy, StorageFull)
"""What a route that takes batches may refuse, beside the errors of forms and bodies."""
FORM = "multipart/form-data"


def _request_body(form: dict[str, Any]) -> dict[str, Any]:
    as_json = {"schema": ShiftBatch.model_json_schema()}
    content = {"application/json": as_json, FORM: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


REQUEST_BODY, NAMED_REQUEST_BODY = map(_request_body, (form_schema, named_form_schema))


def received(
    request: Request, model: LoadedModel, uploads: UploadService, owner: str, *, named: bool = False
) -> RowBatch:
    """The batch in a form or in a JSON body. named: whether the form may have a name.

    Raises InvalidSpec, and the errors of forms and bodies.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        registry = uploads.registry
        return receive_batch(
            request, owner, uploads, lambda label: _layout(model, registry, label), named=named
        )
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
