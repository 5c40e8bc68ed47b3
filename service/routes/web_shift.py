"""Pages about new rows: one batch beside the validation rows; and monitors, with their batches over time."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from service.api.auth.authorization import allow
from service.api.errors.page_route import PageRoute
from service.api.routing.parameters import ExperimentId, MonitorId
from service.pages.api_client import ApiClient
from service.pages.forms import read_form
from service.pages.rendering import page

router = APIRouter(prefix="/ui", route_class=PageRoute, include_in_schema=False)
reading, submitting = [allow("read")], [allow("submit")]
SEE_OTHER = 303
ROWS = 50
"""Monitors on a page of the list, and batches of a monitor."""


@router.get("/experiments/{experiment_id:number}/shift", dependencies=reading)
async def show_shift(request: Request, experiment_id: ExperimentId) -> Response:
    """Show the form of a batch that is compared with the validation rows."""
    return await _shift_page(request, experiment_id)


@router.post("/experiments/{experiment_id:number}/shift", dependencies=reading)
async def compare_batch(request: Request, experiment_id: ExperimentId) -> Response:
    """Send the file of the form on to the API as it comes, and show what it says."""
    reply = await ApiClient(request).forward(f"/experiments/{experiment_id}/shift")
    if reply.status >= 400:
        return await _shift_page(request, experiment_id, problem=reply.json(), status=reply.status)
    return await _shift_page(request, experiment_id, report=reply.json())


@router.get("/monitors", dependencies=reading)
async def show_monitors(request: Request, cursor: str = "", experiment_id: str = "") -> Response:
    """List the monitors, of all experiments or of one, with a form that adds one."""
    return await _monitors_page(request, {"experiment_id": experiment_id}, cursor)


@router.post("/monitors", dependencies=submitting)
async def create_monitor(request: Request) -> Response:
    """Add the monitor of the form, and lead to its page; or show what is wrong with it."""
    form = await read_form(request)
    body = {"experiment_id": _number(form.get("experiment_id", "")), "name": form.get("name", "").strip()}
    if alpha := form.get("alpha", "").strip():
        body["alpha"] = _number(alpha)
    reply = await ApiClient(request).post("/monitors", body)
    if reply.status >= 400:
        return await _monitors_page(request, form, "", problem=reply.json(), status=reply.status)
    return RedirectResponse(f"monitors/{reply.json()['id']}", status_code=SEE_OTHER)


@router.get("/monitors/{monitor_id:number}", dependencies=reading)
async def show_monitor(request: Request, monitor_id: MonitorId) -> Response:
    """Show a monitor over time: its alarm, its batches, and the features that moved; with a form for a batch."""
    return await _monitor_page(request, monitor_id)


@router.post("/monitors/{monitor_id:number}/batches", dependencies=submitting)
async def add_batch(request: Request, monitor_id: MonitorId) -> Response:
    """Send the file of the form on to the API as it comes, and lead to the batch; or show what is wrong with it."""
    reply = await ApiClient(request).forward(f"/monitors/{monitor_id}/batches")
    if reply.status >= 400:
        return await _monitor_page(request, monitor_id, problem=reply.json(), status=reply.status)
    return RedirectResponse(f"batches/{reply.json()['number']}", status_code=SEE_OTHER)


@router.get("/monitors/{monitor_id:number}/batches/{number:number}", dependencies=reading)
async def show_batch(request: Request, monitor_id: MonitorId, number: int) -> Response:
    """Show what was found about one batch."""
    api = ApiClient(request)
    batch = await api.get(f"/monitors/{monitor_id}/batches/{number}")
    monitor = await api.get(f"/monitors/{monitor_id}")
    return page(request, "monitor_batch.html", monitor=monitor, batch=batch, report=batch["report"])


def _number(text: str) -> Any:
    """A number, or the text itself, about which the API then says what is wrong."""
    try:
        return int(text) if text.strip().isdecimal() else float(text)
    except ValueError:
        return text


async def _shift_page(
    request: Request, experiment_id: int, *, report: Any = None, problem: Any = None, status: int = 200
) -> Response:
    experiment = await ApiClient(request).get(f"/experiments/{experiment_id}")
    return page(request, "shift.html", status, experiment=experiment, report=report, problem=problem)


async def _monitors_page(
    request: Request, form: dict[str, str], cursor: str, *, problem: Any = None, status: int = 200
) -> Response:
    wanted = form.get("experiment_id", "") if problem is None else ""
    query = {"limit": ROWS, "cursor": cursor, "experiment_id": wanted}
    found = await ApiClient(request).get("/monitors", query)
    following = found["next"] and f"?{found['next'].partition('?')[2]}"
    given = {name: form.get(name, "") for name in ("experiment_id", "name", "alpha")}
    values = {"monitors": found["items"], "following": following, "form": given, "problem": problem}
    return page(request, "monitors.html", status, **values)


async def _monitor_page(
    request: Request, monitor_id: int, *, problem: Any = None, status: int = 200
) -> Response:
    api, path = ApiClient(request), f"/monitors/{monitor_id}"
    monitor, batches = await api.get(path), await api.get(f"{path}/batches", {"limit": ROWS})
    shown = {"monitor": monitor, "batches": batches["items"], "problem": problem}
    return page(request, "monitor.html", status, **shown)
