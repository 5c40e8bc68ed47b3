"""Monitors: create, list, read and delete them; send batches, and read what was found."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import chart, conditional, problems
from service.api.routing.chart_parameters import CanvasQuery
from service.api.routing.charts import SVG, svg_response
from service.api.routing.dependencies import CallerDep, DatabaseDep, UploadsDep
from service.api.routing.parameters import (
    BATCH_NAME,
    LAST_ID,
    BatchesQuery,
    MonitorId,
    MonitorsQuery,
    NewBatchQuery,
    next_link,
)
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.datasets import sent_batches
from service.experiments.monitor_figures import monitor_figure
from service.experiments.monitors import MonitorService
from service.experiments.shift import RowBatch
from service.http import cursors
from service.http.conditional import PreconditionDep
from service.http.cursors import InvalidCursor
from service.http.forms import InvalidField
from service.http.query import InvalidQuery
from service.schemas.formats import link
from service.schemas.monitors import (
    Monitor,
    MonitorBatch,
    MonitorBatchPage,
    MonitorBatchReport,
    MonitorPage,
    NewMonitor,
)
from service.store import monitors
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    BatchNameTaken,
    ManyModels,
    MonitorNameTaken,
    NoModel,
    UnknownBatch,
    UnknownExperiment,
    UnknownMonitor,
    UnknownRun,
    UnusableModel,
)
from workers.data.errors import DatasetError
from workers.validation.errors import InvalidSpec

router = APIRouter(prefix="/monitors", tags=["monitors"], route_class=StrictRoute)
BatchNumber = Annotated[int, Path(ge=1, lt=2**31, description="The batch's number, from 1.", examples=[1])]


async def _service(request: Request) -> MonitorService:
    state = request.app.state
    return MonitorService(state.database, state.models, state.shift_references)


ServiceDep = Annotated[MonitorService, Depends(_service)]


@router.post(
    "",
    status_code=201,
    operation_id="create_monitor",
    dependencies=[allow("submit"), run_on("monitors")],
    summary="Add a monitor",
    responses=problems(
        *(InvalidSpec, UnknownExperiment, UnknownRun, NoModel, ManyModels, UnusableModel, DatasetError),
        *(MonitorNameTaken, InvalidQuery, BlobStoreUnavailable),
        body=True,
    ),
)
def create_monitor(wanted: NewMonitor, response: Response, caller: CallerDep, service: ServiceDep) -> Monitor:
    """Watch whether the rows that a model is sent are still like those that it was validated on. Send them as batches
    to `/monitors/{monitor_id}/batches`. If nothing shifts, a monitor raises any alarm with a probability of at most
    alpha, however many batches come and whenever somebody looks.

    A name is unique within the experiment: the same request again returns the monitor that is there.
    """
    monitor, _ = service.create(wanted, caller.name)
    response.headers["Location"] = f"/monitors/{monitor.id}"
    return Monitor.of(monitor)


@router.get(
    "",
    operation_id="list_monitors",
    dependencies=[allow("read")],
    summary="List monitors",
    responses=problems(InvalidQuery, InvalidCursor),
)
def list_monitors(
    query: Annotated[MonitorsQuery, Query()], request: Request, response: Response, database: DatabaseDep
) -> MonitorPage:
    """List monitors, newest first. Follow `next` to the other pages."""
    with database.read() as connection:
        rows, more = monitors.page(
            connection,
            experiment_id=query.experiment_id,
            after=query.after(LAST_ID),
            limit=query.limit,
        )
    following = next_link(request, cursors.encode(rows[-1].id)) if more else None
    link(response, following)
    return MonitorPage(items=list(map(Monitor.of, rows)), next=following)


@router.get(
    "/{monitor_id:number}",
    operation_id="read_monitor",
    dependencies=[allow("read")],
    summary="Read a monitor",
    responses=problems(UnknownMonitor, InvalidQuery) | conditional(),
)
def read_monitor(monitor_id: MonitorId, precondition: PreconditionDep, database: DatabaseDep) -> Monitor:
    """Read whether it has raised an alarm, how much of alpha is spent, and the evidence so far."""
    with database.read() as connection:
        monitor = monitors.find(connection, monitor_id)
    precondition.require_modified(monitor.batches)
    return Monitor.of(monitor)


@router.delete(
    "/{monitor_id:number}",
    status_code=204,
    operation_id="delete_monitor",
    dependencies=[allow("admin")],
    summary="Delete a monitor",
    responses=problems(UnknownMonitor, InvalidQuery),
)
def delete_monitor(monitor_id: MonitorId, database: DatabaseDep) -> None:
    """Delete a monitor with what it has found. Another one of the same name begins anew."""
    with database.write() as connection:
        monitors.delete(connection, monitor_id)


@router.post(
    "/{monitor_id:number}/batches",
    status_code=201,
    operation_id="add_batch",
    dependencies=[allow("submit"), run_on("monitors")],
    summary="Test a batch of new rows",
    responses=problems(
        *(
            UnknownMonitor,
            UnknownRun,
            NoModel,
            UnusableModel,
            BatchNameTaken,
            InvalidQuery,
            BlobStoreUnavailable,
        ),
        *sent_batches.ERRORS,
        body=True,
        form=True,
    ),
    openapi_extra=sent_batches.NAMED_REQUEST_BODY,
)
def add_batch(
    monitor_id: MonitorId,
    query: Annotated[NewBatchQuery, Query()],
    request: Request,
    response: Response,
    uploads: UploadsDep,
    caller: CallerDep,
    service: ServiceDep,
) -> MonitorBatchReport:
    """Test whether new rows are like the validation rows, and like the rows of the batches before. Send the body that
    `/experiments/{experiment_id}/shift` takes: JSON, or a file as `curl -F format=csv -F file=@batch.csv`.

    With a name, in the query or in the form, a repeated request returns what was stored for the batch, and tests
    nothing again. Without one, every request is a batch of its own: repeat one whose response was lost only under a
    name. A batch that cannot be read or scored is not counted. Of the rows, the monitor keeps a sample of at most
    2,000.
    """
    model = service.model(monitor_id)
    batch = sent_batches.received(request, model, uploads, caller.name, named=True)
    stored = service.add(monitor_id, model, batch, _name(query, batch), caller.name)
    found = MonitorBatchReport.of(stored)
    response.headers["Location"] = found.links["self"]
    return found


@router.get(
    "/{monitor_id:number}/batches",
    operation_id="list_batches",
    dependencies=[allow("read")],
    summary="List the batches of a monitor",
    responses=problems(UnknownMonitor, InvalidQuery, InvalidCursor),
)
def list_batches(
    monitor_id: MonitorId,
    query: Annotated[BatchesQuery, Query()],
    request: Request,
    response: Response,
    database: DatabaseDep,
) -> MonitorBatchPage:
    """List the batches, newest first: what each test found, the evidence, and the features that moved."""
    with database.read() as connection:
        monitors.find(connection, monitor_id)
        after = query.after(LAST_ID)
        rows, more = monitors.batches(connection, monitor_id, after=after, limit=query.limit)
    following = next_link(request, cursors.encode(rows[-1].number)) if more else None
    link(response, following)
    return MonitorBatchPage(items=list(map(MonitorBatch.of, rows)), next=following)


@router.get(
    "/{monitor_id:number}/batches/{number:number}",
    operation_id="read_batch",
    dependencies=[allow("read")],
    summary="Read a batch with its report",
    responses=problems(UnknownMonitor, UnknownBatch, InvalidQuery),
)
def read_batch(monitor_id: MonitorId, number: BatchNumber, database: DatabaseDep) -> MonitorBatchReport:
    """Read a batch with the report that `/experiments/{experiment_id}/shift` gives."""
    with database.read() as connection:
        return MonitorBatchReport.of(monitors.batch(connection, monitor_id, number))


@router.get(
    "/{monitor_id:number}/chart.svg",
    operation_id="read_monitor_chart",
    dependencies=[allow("read"), run_on("charts")],
    summary="Chart of a monitor",
    response_class=SVG,
    responses=problems(UnknownMonitor, InvalidQuery) | conditional() | chart(),
)
def read_monitor_chart(
    monitor_id: MonitorId,
    query: Annotated[CanvasQuery, Query()],
    precondition: PreconditionDep,
    database: DatabaseDep,
) -> Response:
    """Draw both comparisons of each batch over time, as a share of what raises an alarm, and the alarms."""
    with database.read() as connection:
        monitor = monitors.find(connection, monitor_id)
        precondition.require_modified(monitor.batches)
        rows, _ = monitors.batches(connection, monitor_id, after=None, limit=500)
    figure = monitor_figure(Monitor.of(monitor), [MonitorBatch.of(row) for row in reversed(rows)])
    return svg_response(figure.svg(query.canvas), query.theme, precondition.headers)


def _name(query: NewBatchQuery, batch: RowBatch) -> str | None:
    """What a batch is called, in the query or in the form. Raises InvalidField."""
    if batch.name is None:
        return query.name
    if len(batch.name) > 100 or not re.fullmatch(BATCH_NAME, batch.name):
        raise InvalidField(
            "name", batch.name[:100], "should have at most 100 characters, none of them a control character"
        )
    if query.name not in (None, batch.name):
        raise InvalidField("name", batch.name, f"is {query.name!r} in the query")
    return batch.name
