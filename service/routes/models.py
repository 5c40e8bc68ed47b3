"""Trained models: weights, bundles to repeat an experiment, predictions."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, problems
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.parameters import ExperimentId, ModelQuery
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.experiments.bundle import write_bundle
from service.experiments.model_cache import LoadedModel
from service.experiments.weights import file_name, safetensors
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.schemas.predictions import Prediction, Predictions, Rows
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import ManyModels, NoModel, UnknownExperiment, UnknownRun, UnusableModel
from workers.predictor import Overflow
from workers.request_rows import rows_for
from workers.table_rows import MalformedCsv
from workers.validation.errors import FieldError, InvalidSpec

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    tags=["models"],
    dependencies=[allow("read"), run_on("models")],
    route_class=StrictRoute,
)
errors = (
    UnknownExperiment,
    UnknownRun,
    NoModel,
    ManyModels,
    UnusableModel,
    InvalidQuery,
    BlobStoreUnavailable,
)

CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}
"""A body that service/routes/csv_predictions.py reads, and answers with one of the same kind."""
MAX_MEMORY_BYTES = 10_000_000
CHUNK_BYTES = 2**18


@router.get(
    "/weights",
    operation_id="read_weights",
    summary="Download the weights of a model",
    response_class=Response,
    responses=problems(*errors)
    | conditional()
    | {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
def read_weights(
    experiment_id: ExperimentId,
    query: Annotated[ModelQuery, Query()],
    request: Request,
    precondition: PreconditionDep,
) -> Response:
    """Download the weights of the best epoch as safetensors: `0.weight`, `0.bias`, ..., running statistics, and the
    scaling of the rows, `(x - scaling.offset) * scaling.factor`; a `data.offset` (float64), if there is one, is
    subtracted from the rows first. With a `prediction.threshold`, a row is of the class with the index
    `prediction.positive` if its probability is at least that. A regression predicts its output times `target.scale`
    plus `target.offset`. The metadata contains the spec and the classes. A
    cross-validation has a model for each fold, so one has to be named.
    """
    model: LoadedModel = request.app.state.models.load(experiment_id, query.runs)
    precondition.require_modified(model.sha256)
    name = f"experiment-{experiment_id}-{file_name(model)}"
    headers = precondition.headers | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(safetensors(model), headers=headers, media_type="application/octet-stream")


@router.get(
    "/bundle",
    operation_id="read_bundle",
    summary="Download a bundle to repeat an experiment",
    response_class=Response,
    responses=problems(UnknownExperiment, NoModel, UnusableModel, InvalidQuery, BlobStoreUnavailable)
    | {200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
def read_bundle(experiment_id: ExperimentId, request: Request, database: DatabaseDep) -> Response:
    """Download a zip file with the resolved spec, the hash of the data set, the versions, metrics and classes as CSV,
    the weights of each seed, and a README with instructions.
    """
    file = SpooledTemporaryFile(MAX_MEMORY_BYTES)  # noqa: SIM115 -- closed once it is sent
    try:
        write_bundle(file, database, request.app.state.models, experiment_id)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="experiment-{experiment_id}.zip"',
        "Content-Length": str(file.tell()),
    }
    file.seek(0)
    return StreamingResponse(_chunks(file), headers=headers, media_type="application/zip")


@router.post(
    "/predict",
    operation_id="predict",
    summary="Predict rows with a trained model",
    responses=problems(*errors, InvalidSpec, MalformedCsv, body=True) | {200: {"content": CSV}},
    openapi_extra={"requestBody": {"content": CSV}},
)
def predict(
    experiment_id: ExperimentId, query: Annotated[ModelQuery, Query()], rows: Rows, request: Request
) -> Predictions:
    """Predict up to 1,000 rows with the features of the data set, unscaled: the service scales them. A row is a
    list, or an object by the names of the columns in any order; null is a missing value, and a level that the data
    set has not counts as unknown. If the spec asks for a threshold, it decides between the two classes. A regression
    answers a `value`. A cross-validation has a model for each fold, so one has to be named.

    With `Content-Type: text/csv` the body is a table of any length, whose first line names the columns in any order;
    further columns are ignored, and an empty cell is a missing value. The response is CSV too: a line for each row,
    with the label and the probabilities, or the value of a regression.
    """
    model: LoadedModel = request.app.state.models.load(experiment_id, query.runs)
    with model.alone() as predictor:
        given = rows_for(predictor, rows.rows)
        try:
            predicted = predictor(predictor.stored(given.values))
        except Overflow as error:
            raise InvalidSpec([FieldError(f"rows[{error.row}]", rows.rows[error.row], str(error))]) from None
        numbers = predictor.is_regression
        classes, is_distribution = predictor.classes, predictor.is_distribution
        threshold = predictor.threshold
    items = [
        Prediction(label=None, index=None, probabilities=None, scores=None, value=outputs[0])
        if numbers
        else Prediction(
            label=classes[label],
            index=label,
            probabilities=outputs if is_distribution else None,
            scores=None if is_distribution else outputs,
        )
        for label, outputs in zip(predicted.labels.tolist(), predicted.outputs.tolist(), strict=True)
    ]
    return Predictions(
        experiment_id=experiment_id,
        **model.key._asdict(),
        epoch=model.epoch,
        classes=list(classes),
        positive=classes[threshold.positive] if threshold else None,
        threshold=threshold.threshold if threshold else None,
        ignored=given.ignored,
        unknown=given.unknown,
        items=items,
    )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
