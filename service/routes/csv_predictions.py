"""Predictions of rows that are sent as CSV: POST /predict with another body than that of service/routes/models.py."""

from functools import partial
from typing import Annotated
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from service.api import thread_limiters
from service.api.auth.authorization import allow
from service.api.routing.csv_route import CsvRoute
from service.api.routing.dependencies import SettingsDep
from service.api.routing.parameters import ExperimentId, ModelQuery
from service.api.routing.thread_kinds import run_on
from service.experiments.csv_predictions import CsvPredictions, chunks
from service.experiments.model_cache import LoadedModel
from service.http.bodies import BODY_SECONDS, BodyTooLarge, BodyTooSlow
from service.schemas.formats import MEDIA_TYPES

router = APIRouter(
    prefix="/experiments/{experiment_id:number}",
    dependencies=[allow("read"), run_on("models")],
    route_class=CsvRoute,
    include_in_schema=False,  # `predict` of service/routes/models.py documents both bodies
)
READ_BYTES = 2**20
"""As much of the body is handed to a thread at once."""
SENT_BYTES = 2**18


@router.post("/predict")
async def predict_csv(
    experiment_id: ExperimentId,
    query: Annotated[ModelQuery, Query()],
    request: Request,
    settings: SettingsDep,
) -> StreamingResponse:
    """Predict the rows of a CSV. Neither it nor the predictions are ever in memory as a whole."""
    threads = thread_limiters.CURRENT.get()
    load = request.app.state.models.load
    model: LoadedModel = await threads.run(partial(load, experiment_id, query.runs))
    predictions = await threads.run(partial(CsvPredictions, model))
    try:
        await _feed(request, predictions, threads, settings.max_upload_bytes)
        file = await threads.run(predictions.finish)
    except BaseException:
        predictions.close()
        raise
    headers = {"X-Model": f"seed={model.key.seed}, epoch={model.epoch}"}
    if predictions.ignored:
        headers["X-Ignored-Columns"] = ", ".join(quote(name, safe=" ") for name in predictions.ignored[:100])
    if predictions.unknown:
        counts = (f"{quote(name, safe=' ')}={count}" for name, count in predictions.unknown.items())
        headers["X-Unknown-Levels"] = ", ".join(counts)
    return StreamingResponse(chunks(file, SENT_BYTES), headers=headers, media_type=MEDIA_TYPES["csv"])


async def _feed(
    request: Request, predictions: CsvPredictions, threads: thread_limiters.ThreadLimiter, limit: int
) -> None:
    """Give the body to the predictions as it arrives. Raises BodyTooLarge or BodyTooSlow."""
    received, buffer = 0, bytearray()
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(BODY_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise BodyTooSlow from None
        received += len(chunk or b"")
        if received > limit:
            raise BodyTooLarge(limit)
        buffer += chunk or b""
        if len(buffer) >= READ_BYTES or (chunk is None and buffer):
            await threads.run(partial(predictions.feed, bytes(buffer)))
            buffer.clear()
        if chunk is None:
            return
