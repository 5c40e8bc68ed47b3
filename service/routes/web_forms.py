"""Pages with forms: a new experiment, an upload, a prediction, a look at the test set, cancellation, retry."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from service.api.auth.authorization import allow
from service.api.errors.page_route import PageRoute
from service.api.routing.parameters import ExperimentId
from service.pages.api_client import ApiClient, ApiRefusal
from service.pages.forms import (
    VARIANTS,
    SpecForm,
    UnusableText,
    curl_of,
    edit_of,
    form_of,
    python_of,
    read_form,
    spec_of,
)
from service.pages.rendering import page
from workers.data.formats import AnyFormat
from workers.tagged_union import names

router = APIRouter(prefix="/ui", route_class=PageRoute, include_in_schema=False)
reading, submitting = [allow("read")], [allow("submit")]
SEE_OTHER = 303


class NewQuery(SpecForm):
    """The state of the form of a new experiment; `like` is an experiment to start from."""

    like: int | None = Field(None, ge=1)


@router.get("/new", dependencies=reading)
async def show_new(request: Request, query: Annotated[NewQuery, Query()]) -> Response:
    """Show the form of a spec, built from the catalogue."""
    api, form = ApiClient(request), query.model_dump(exclude={"like"})
    if query.like is not None:
        form |= form_of((await api.get(f"/experiments/{query.like}"))["spec"])
    return await _new_page(request, api, form)


@router.post("/new", dependencies=submitting)
async def submit_new(request: Request) -> Response:
    """Submit the spec of the form, and lead to its page; or show what is wrong with it."""
    api, form = ApiClient(request), await read_form(request)
    reply = await api.post("/experiments", spec_of(form))
    if reply.status >= 400:
        return await _new_page(
            request, api, NewQuery(**form).model_dump(exclude={"like"}), reply.json(), reply.status
        )
    return RedirectResponse(f"experiments/{reply.json()['id']}", status_code=SEE_OTHER)


@router.post("/new/preview", dependencies=reading)
async def preview_new(request: Request) -> Response:
    """Validate the spec of the form: a part of the page for its script, a page without it."""
    api, form = ApiClient(request), await read_form(request)
    values: dict[str, Any] = {"problem": None, "resolved": None}
    try:
        spec = spec_of(form)
    except UnusableText as error:
        values["problem"] = {"detail": str(error)}
    else:
        reply = await api.post("/experiments/validate", spec)
        if reply.status >= 400:
            values["problem"] = reply.json()
        else:
            address = f"{request.url.scheme}://{request.url.netloc}/experiments"
            more = {"curl": curl_of(spec, address), "python": python_of(spec, address)}
            resolved = reply.json()
            values |= {"resolved": resolved, "chosen": await _chosen(api, resolved["spec"]), **more}
    return page(request, _part(request, "spec_preview.html", "checked.html"), **values)


@router.get("/upload", dependencies=reading)
async def show_upload(request: Request) -> Response:
    """Show the form of an upload."""
    return page(request, "upload.html", formats=names(AnyFormat), inspected=None, problem=None)


@router.post("/upload", dependencies=submitting)
async def upload(request: Request) -> Response:
    """Send the upload on to the API as it comes, and lead to the data set; or show what is wrong with it."""
    reply = await ApiClient(request).forward("/datasets")
    if reply.status < 400:
        return RedirectResponse(f"datasets/{reply.json()['name']}", status_code=SEE_OTHER)
    values = {"formats": names(AnyFormat), "inspected": None, "problem": reply.json()}
    return page(request, _part(request, "inspected.html", "upload.html"), reply.status, **values)


@router.post("/upload/inspect", dependencies=submitting)
async def inspect_upload(request: Request) -> Response:
    """Show how the upload would be taken, and the questions about it."""
    reply = await ApiClient(request).forward("/datasets/inspect")
    refused = reply.status >= 400
    values: dict[str, Any] = {
        "inspected": None if refused else reply.json(),
        "problem": reply.json() if refused else None,
    }
    return page(request, _part(request, "inspected.html", "upload.html"), formats=names(AnyFormat), **values)


@router.post("/experiments/{experiment_id:number}/edit", dependencies=submitting)
async def edit(request: Request, experiment_id: ExperimentId) -> Response:
    """Change the name, the tags and the note of an experiment."""
    changed = edit_of(await read_form(request))
    reply = await ApiClient(request).patch(f"/experiments/{experiment_id}", changed)
    if reply.status >= 400:
        raise ApiRefusal(reply)
    return RedirectResponse(f"../{experiment_id}", status_code=SEE_OTHER)


@router.post("/experiments/{experiment_id:number}/{action}", dependencies=submitting)
async def act(
    request: Request, experiment_id: ExperimentId, action: Literal["cancel", "retry", "robustness"]
) -> Response:
    """Cancel or retry an experiment, or have its models measured on corrupted rows."""
    reply = await ApiClient(request).post(f"/experiments/{experiment_id}/{action}", None)
    if reply.status >= 400:
        raise ApiRefusal(reply)
    return RedirectResponse(f"../{experiment_id}", status_code=SEE_OTHER)


async def _new_page(
    request: Request, api: ApiClient, form: Mapping[str, str], problem: Any = None, status: int = 200
) -> Response:
    catalog, datasets = await api.get("/catalog"), await api.get("/datasets")
    named = [each["name"] for each in datasets["items"] if not each["problem"]]
    given = {**form, "dataset": form["dataset"] or "digits"}
    return page(
        request,
        "new.html",
        status,
        form=given,
        catalog=catalog,
        variants=VARIANTS,
        datasets=named,
        preview=problem is not None,
        problem=problem,
        resolved=None,
    )


async def _chosen(api: ApiClient, spec: Mapping[str, Any]) -> list[Any]:
    """The catalogue's entries of the variants that a resolved spec has."""
    catalog = await api.get("/catalog")
    return [
        each
        for field, kind in VARIANTS.items()
        for each in catalog[kind]
        if each["name"] == spec[field]["name"]
    ]


def _part(request: Request, part: str, whole: str) -> str:
    return part if request.headers.get("x-part") else whole
