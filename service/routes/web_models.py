"""Pages that use the models of an experiment: predictions, and the look at the sealed test set."""

import csv
import re
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from service.api.auth.authorization import allow
from service.api.errors.page_route import PageRoute
from service.api.routing.parameters import ExperimentId
from service.pages.api_client import ApiClient, ApiRefusal
from service.pages.forms import names_columns, read_form, rows_of
from service.pages.rendering import page

router = APIRouter(
    prefix="/ui/experiments/{experiment_id:number}", route_class=PageRoute, include_in_schema=False
)
USED_BEFORE = {"accept": ["exposed", "looked_at"]}


@router.get("/predict", dependencies=[allow("read")])
async def show_predict(request: Request, experiment_id: ExperimentId) -> Response:
    """Show the form of a prediction."""
    return await _predict_page(request, experiment_id, {})


@router.post("/predict", dependencies=[allow("read")])
async def predict(request: Request, experiment_id: ExperimentId) -> Response:
    """Predict the rows of the form."""
    form, api = await read_form(request), ApiClient(request)
    if names_columns(text := form.get("rows", "")):
        return await _predict_csv(request, experiment_id, form, text)
    rows = rows_of(text)
    body = rows if isinstance(rows, dict) else {"rows": rows}
    reply = await api.post(f"/experiments/{experiment_id}/predict", body, _run(form))
    if reply.status >= 400:
        problem = _with_lines(reply.json())
        return await _predict_page(request, experiment_id, form, problem=problem, status=reply.status)
    return await _predict_page(request, experiment_id, form, predicted=reply.json())


async def _predict_csv(request: Request, experiment_id: int, form: dict[str, str], text: str) -> Response:
    """Predict rows whose first line names their columns."""
    reply = await ApiClient(request).send(
        "POST",
        f"/experiments/{experiment_id}/predict",
        query=urlencode(_run(form)),
        content=text.encode(),
        headers={"content-type": "text/csv"},
    )
    if reply.status >= 400:
        return await _predict_page(request, experiment_id, form, problem=reply.json(), status=reply.status)
    lines = list(csv.reader(reply.content.decode().splitlines()))
    return await _predict_page(request, experiment_id, form, headings=lines[0], lines=lines[1:])


@router.get("/test", dependencies=[allow("read")])
async def show_test(request: Request, experiment_id: ExperimentId) -> Response:
    """Ask for a confirmation: a look cannot be taken back."""
    return await _test_page(request, experiment_id)


@router.post("/test", dependencies=[allow("submit")])
async def look_at_test_set(request: Request, experiment_id: ExperimentId) -> Response:
    """Evaluate the experiment on the sealed rows, if that was confirmed, and lead to its ledger."""
    form, api = await read_form(request), ApiClient(request)
    if form.get("sure") != "yes":
        return await _test_page(request, experiment_id)
    body = USED_BEFORE if form.get("accept") == "yes" else None
    reply = await api.post(f"/experiments/{experiment_id}/test-evaluations", body)
    if reply.status >= 400:
        return await _test_page(request, experiment_id, problem=reply.json(), status=reply.status)
    return RedirectResponse(f"../{experiment_id}#ledger", status_code=303)


def _with_lines(problem: dict[str, Any]) -> dict[str, Any]:
    """The problem with rows that are counted from 1, as a page counts them, and not as JSON does."""
    errors = [{**each, "path": _in_words(each["path"])} for each in problem["errors"]]
    return {**problem, "detail": _in_words(problem["detail"]), "errors": errors}


def _in_words(place: str) -> str:
    return re.sub(r"^rows\[(\d+)\]", lambda found: f"Row {int(found[1]) + 1}", place)


def _run(form: dict[str, str]) -> dict[str, str]:
    return {name: form[name] for name in ("seed", "repeat", "fold") if form.get(name, "").strip()}


async def _predict_page(
    request: Request, experiment_id: int, form: dict[str, str], *, status: int = 200, **values: Any
) -> Response:
    api = ApiClient(request)
    experiment = await api.get(f"/experiments/{experiment_id}")
    given = {name: form.get(name, "") for name in ("rows", "seed", "repeat", "fold")}
    return page(
        request,
        "predict.html",
        status,
        experiment=experiment,
        columns=await _columns(api, experiment),
        is_of_folds=experiment["plan"]["folds"] is not None,
        **{"problem": None, "predicted": None, "headings": None, "lines": [], **given, **values},
    )


async def _columns(api: ApiClient, experiment: dict[str, Any]) -> list[str]:
    """The names of the columns in the order of a row; none if the data set has none, or is another by now."""
    facts = experiment["plan"]["dataset"]
    try:
        dataset = await api.get(f"/datasets/{facts['name']}")
    except ApiRefusal:
        return []
    if dataset["table"] is None or dataset["sha256"] != facts["sha256"]:
        return []
    return [each["name"] for each in dataset["table"]["columns"] if each["kind"] not in ("label", "ignore")]


async def _test_page(
    request: Request, experiment_id: int, *, problem: Any = None, status: int = 200
) -> Response:
    api = ApiClient(request)
    experiment = await api.get(f"/experiments/{experiment_id}")
    ledger = await api.get(f"/experiments/{experiment_id}/test-evaluations")
    return page(request, "test.html", status, experiment=experiment, ledger=ledger, problem=problem)
