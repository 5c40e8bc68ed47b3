"""Pages that show: the list of experiments, one experiment, a comparison, data sets."""

import asyncio
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from service.api.auth.authorization import allow
from service.api.errors.page_route import PageRoute
from service.api.live.long_polling import Wait
from service.api.routing.parameters import DatasetName, ExperimentId
from service.experiments.intervals import NOT_COMPUTED
from service.http.conditional import PreconditionDep, not_modified
from service.pages.api_client import ApiClient, ApiRefusal
from service.pages.forms import read_fields
from service.pages.headline import Headline, headline, lowest_class
from service.pages.rendering import HEADERS, page
from service.store.tables import ACTIVE_STATUSES, FINAL_STATUSES
from workers.data.balancing import AnyBalancing
from workers.evaluation.metrics import BY_NAME, SUMMARISED
from workers.nn.losses import AnyLoss
from workers.nn.optimizers import AnyOptimizer
from workers.tagged_union import names

router = APIRouter(prefix="/ui", dependencies=[allow("read")], route_class=PageRoute, include_in_schema=False)

ROWS = 25
"""Experiments on a page of the list: each is read in full, for its result."""
INVALID, NOT_MODIFIED = 422, 304
KNOWN = {"intervals": "known"}
"""No page waits for a computation."""
METRICS = [*BY_NAME, "learning_rate", "gradient_norm"]
CHOICES = {
    "status": [*ACTIVE_STATUSES, *FINAL_STATUSES],
    "loss": names(AnyLoss),
    "optimizer": names(AnyOptimizer),
    "balancing": names(AnyBalancing),
}
"""What the list can be filtered by, with the values."""


class ListQuery(BaseModel):
    """The state of the list. An empty field of its form filters nothing."""

    model_config = ConfigDict(frozen=True)

    q: str = Field("", max_length=200)
    status: str = ""
    dataset: str = ""
    loss: str = ""
    optimizer: str = ""
    balancing: str = ""
    tag: str = ""
    where: str = ""
    fields: str = ""
    sort: str = "-id"
    cursor: str = ""


@router.get("/experiments")
async def show_experiments(request: Request, query: Annotated[ListQuery, Query()]) -> Response:
    """List experiments with their status, progress, curve and result, in the order of any metric."""
    api, given = ApiClient(request), query.model_dump()
    problem, status = None, 200
    try:
        found = await api.get("/experiments", {**given, "limit": ROWS})
    except ApiRefusal as refusal:
        if refusal.status != INVALID:
            raise
        found, problem, status = {"items": [], "next": None}, refusal.problem, refusal.status
    full = await api.find_all([f"/experiments/{each['id']}" for each in found["items"]], KNOWN)
    following = found["next"] and found["next"].partition("?")[2]
    rows = [(row, headline(each) if each else None) for row, each in zip(found["items"], full, strict=True)]
    return page(
        request,
        "experiments.html",
        status,
        query=given,
        choices=CHOICES,
        orders=orders(),
        metrics=[each.name for each in SUMMARISED],
        shown=_more_metrics(rows),
        filtered=any(value for name, value in given.items() if name not in ("sort", "fields")),
        rows=rows,
        following=f"?{following}" if following else None,
        problem=problem,
    )


def _more_metrics(rows: list[tuple[Any, Headline | None]]) -> list[str]:
    """The metrics of the rows that are not the result of each."""
    results = {found.metric for _, found in rows if found}
    return [each for each in (rows[0][0]["metrics"] if rows else ()) if results != {each}]


@cache
def orders() -> dict[str, str]:
    """The orders of the list, and what they are called."""
    best_first = {
        f"{'-' if each.direction == 'max' else ''}{each.name}": f"best {each.name.replace('_', ' ')} first"
        for each in SUMMARISED
    }
    return {
        "-id": "newest first",
        "id": "oldest first",
        "name": "name",
        "-finished_at": "last ended first",
    } | (best_first)


@router.get("/experiments/{experiment_id:number}")
async def show_experiment(
    request: Request, experiment_id: ExperimentId, metric: str = "", intervals: str = ""
) -> Response:
    """Show one experiment. Its script keeps it current while it runs, and asks for missing intervals."""
    api, path = ApiClient(request), f"/experiments/{experiment_id}"
    experiment = await api.get(path, {} if intervals else KNOWN)
    has_scores = _succeeded(experiment) > 0
    errors, ledger, robustness = await asyncio.gather(
        api.find(f"{path}/errors", {"limit": 12}) if has_scores else _nothing(),
        api.find(f"{path}/test-evaluations"),
        api.find(f"{path}/robustness") if has_scores else _nothing(),
    )
    selected = experiment["summary"]["selection"]["metric"] if experiment["summary"] else "loss"
    return page(
        request,
        "experiment.html",
        **_state_of(experiment),
        metrics=METRICS,
        metric=metric if metric in METRICS else selected,
        has_scores=has_scores,
        has_two_classes=len(experiment["plan"]["dataset"]["classes"]) == 2,
        has_pictures=experiment["plan"]["dataset"]["shape"] is not None,
        errors=errors,
        ledger=ledger,
        robustness=robustness,
    )


@router.get("/experiment-states/{experiment_id:number}")
async def show_experiment_state(
    request: Request, experiment_id: ExperimentId, precondition: PreconditionDep, wait: Wait = 0
) -> Response:
    """The parts of an experiment's page that change with each epoch, for its script, which may wait for a change.

    The path is as deep as that of the page, so the relative addresses in both are the same.
    """
    query = {**KNOWN, "wait": wait} if wait else KNOWN
    reply = await ApiClient(request).get_if_changed(
        f"/experiments/{experiment_id}", query, precondition.if_none_match
    )
    if reply.status == NOT_MODIFIED:
        return not_modified({**HEADERS, "ETag": reply.headers["etag"]})
    return page(request, "experiment_parts.html", etag=reply.headers.get("etag"), **_state_of(reply.json()))


def _state_of(experiment: dict[str, Any]) -> dict[str, Any]:
    """What both of them show."""
    return {
        "experiment": experiment,
        "found": headline(experiment),
        "lowest": lowest_class(experiment),
        "awaits_intervals": _awaits_intervals(experiment),
        "is_over": experiment["status"] in FINAL_STATUSES,
        "succeeded": _succeeded(experiment),
    }


def _succeeded(experiment: dict[str, Any]) -> int:
    return sum(run["status"] == "succeeded" for run in experiment["runs"])


@router.get("/compare")
async def show_comparison(request: Request, ids: str = "", metric: str = "") -> Response:
    """Compare experiments: the differences, and the curves and classes beside each other."""
    api = ApiClient(request)
    compared, experiments = None, []
    if ids:
        compared = await api.get("/comparisons", {"ids": ids, "metric": metric})
        experiments = await asyncio.gather(
            *(api.get(f"/experiments/{each}", KNOWN) for each in ids.split(","))
        )
    return page(
        request,
        "compare.html",
        ids=ids,
        metric=metric,
        metrics=[each.name for each in SUMMARISED],
        compared=compared,
        experiments=[(each, headline(each)) for each in experiments],
    )


@router.post("/compare")
async def choose(request: Request) -> Response:
    """Lead from the experiments that were chosen in the list to their comparison."""
    ids = ",".join(value for name, value in await read_fields(request) if name == "id")
    return RedirectResponse(f"compare?{urlencode({'ids': ids})}", status_code=303)


@router.get("/datasets")
async def show_datasets(request: Request) -> Response:
    """List the data sets."""
    found = await ApiClient(request).get("/datasets")
    return page(request, "datasets.html", datasets=found["items"])


@router.get("/datasets/{name}")
async def show_dataset(request: Request, name: DatasetName) -> Response:
    """Show a data set: its classes, its columns, and some of its rows or images."""
    api = ApiClient(request)
    dataset = await api.get(f"/datasets/{name}")
    preview = None if dataset["shape"] else await api.find(f"/datasets/{name}/preview")
    return page(request, "dataset.html", dataset=dataset, preview=preview)


def _awaits_intervals(experiment: dict[str, Any]) -> bool:
    meanings = experiment["summary"]["intervals"] if experiment["summary"] else []
    return any(each["missing"] and each["missing"]["code"] == NOT_COMPUTED.code for each in meanings)


async def _nothing() -> Any:
    return None
