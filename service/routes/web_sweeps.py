"""Pages of sweeps: the list, one sweep with its leaderboard, and the form of a new one."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from service.api.auth.authorization import allow
from service.api.errors.page_route import PageRoute
from service.api.routing.parameters import SweepId
from service.pages.api_client import ApiClient, ApiRefusal
from service.pages.forms import VARIANTS, UnusableText, curl_of, python_of, read_form
from service.pages.rendering import page
from service.pages.sweep_forms import (
    RANGES,
    SweepForm,
    form_of,
    rows_shown,
    suggested_paths,
    sweep_of,
)
from service.store.tables import FINAL_STATUSES
from workers.evaluation.metrics import SUMMARISED
from workers.sweeps.presets import Preset
from workers.sweeps.strategies import AnyStrategy
from workers.tagged_union import names

router = APIRouter(prefix="/ui/sweeps", route_class=PageRoute, include_in_schema=False)
reading, submitting = [allow("read")], [allow("submit")]
SEE_OTHER = 303
ROWS = 25
"""Sweeps on a page of the list, and candidates in a table."""


class NewSweepQuery(SweepForm):
    """The state of the form of a new sweep; `like` is a sweep to start from."""

    like: int | None = Field(None, ge=1)


@router.get("", dependencies=reading)
async def show_sweeps(request: Request, cursor: str = "") -> Response:
    """List the sweeps with their progress."""
    found = await ApiClient(request).get("/sweeps", {"limit": ROWS, "cursor": cursor})
    following = found["next"] and found["next"].partition("?")[2]
    return page(
        request, "sweeps.html", sweeps=found["items"], following=f"?{following}" if following else None
    )


@router.get("/new", dependencies=reading)
async def show_new_sweep(request: Request, query: Annotated[NewSweepQuery, Query()]) -> Response:
    """Show the form of a sweep: a base spec, and a range for each field that changes."""
    api, form = ApiClient(request), query.model_dump(exclude={"like"})
    if query.like is not None:
        form |= form_of(await api.get(f"/sweeps/{query.like}"))
    return await _new_page(request, api, form)


@router.post("/new", dependencies=submitting)
async def submit_new_sweep(request: Request) -> Response:
    """Submit the sweep of the form, and lead to its page; or show what is wrong with it."""
    api, form = ApiClient(request), await read_form(request)
    reply = await api.post("/sweeps", sweep_of(form))
    if reply.status >= 400:
        return await _new_page(request, api, SweepForm(**form).model_dump(), reply.json(), reply.status)
    return RedirectResponse(str(reply.json()["id"]), status_code=SEE_OTHER)


@router.post("/new/preview", dependencies=reading)
async def preview_new_sweep(request: Request) -> Response:
    """Validate the sweep of the form: a part of the page for its script, a page without it."""
    values: dict[str, Any] = {"problem": None, "resolved": None}
    try:
        sweep = sweep_of(await read_form(request))
    except UnusableText as error:
        values["problem"] = {"detail": str(error)}
        sweep = {}
    if sweep.get("preset") or sweep.get("space"):
        reply = await ApiClient(request).post("/sweeps/validate", sweep)
        if reply.status >= 400:
            values["problem"] = reply.json()
        else:
            address = f"{request.url.scheme}://{request.url.netloc}/sweeps"
            values["resolved"] = reply.json()
            values |= {"curl": curl_of(sweep, address), "python": python_of(sweep, address), "most": ROWS}
    part = "sweep_preview.html" if request.headers.get("x-part") else "checked_sweep.html"
    return page(request, part, **values)


@router.get("/{sweep_id:number}", dependencies=reading)
async def show_sweep(request: Request, sweep_id: SweepId, metric: str = "") -> Response:
    """Show one sweep: how far it is, the leaderboard, its candidates, and which field mattered."""
    api, path = ApiClient(request), f"/sweeps/{sweep_id}"
    sweep = await api.get(path)
    board, effects, candidates = await asyncio.gather(
        api.get(f"{path}/leaderboard", {"metric": metric}),
        api.get(f"{path}/importance", {"metric": metric}),
        api.get(f"{path}/candidates", {"limit": 100}),
    )
    return page(
        request,
        "sweep.html",
        sweep=sweep,
        board=board,
        effects=effects,
        candidates=candidates,
        is_over=sweep["status"] in FINAL_STATUSES,
        metric=metric,
        metrics=[each.name for each in SUMMARISED],
        most=ROWS,
    )


@router.post("/{sweep_id:number}/{action}", dependencies=submitting)
async def act_on_sweep(request: Request, sweep_id: SweepId, action: Literal["cancel", "retry"]) -> Response:
    """Cancel or retry a sweep."""
    reply = await ApiClient(request).post(f"/sweeps/{sweep_id}/{action}", None)
    if reply.status >= 400:
        raise ApiRefusal(reply)
    return RedirectResponse(f"../{sweep_id}", status_code=SEE_OTHER)


async def _new_page(
    request: Request, api: ApiClient, form: Mapping[str, str], problem: Any = None, status: int = 200
) -> Response:
    catalog, datasets = await api.get("/catalog"), await api.get("/datasets")
    return page(
        request,
        "new_sweep.html",
        status,
        form={**form, "dataset": form["dataset"] or "digits"},
        catalog=catalog,
        variants=VARIANTS,
        datasets=[each["name"] for each in datasets["items"] if not each["problem"]],
        presets=get_args(Preset),
        strategies=names(AnyStrategy),
        ranges=RANGES,
        rows=rows_shown(form),
        paths=suggested_paths(catalog),
        preview=problem is not None,
        problem=problem,
        resolved=None,
    )
