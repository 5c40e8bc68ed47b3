"""The table of who may do what: every route, with no token and with one of each scope."""

import re

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import select

from service.api.routing.strict_route import StrictRoute
from service.app import create_app
from service.settings import Settings
from service.store.credentials.tokens import SCOPES, Scope
from service.store.database import Database
from service.store.tables import Experiment, Run
from tests.service.api.auth.conftest import Bearer

PUBLIC = None
TABLE: dict[str, Scope | None] = {
    "GET /": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /static/{name}": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /problems": PUBLIC,
    "GET /problems/{name}": PUBLIC,
    "GET /health": PUBLIC,
    "GET /ready": PUBLIC,
    "GET /metrics": "read",
    "GET /catalog": "read",
    "GET /datasets": "read",
    "POST /datasets": "submit",
    "POST /datasets/inspect": "submit",
    "GET /datasets/{name}": "read",
    "GET /datasets/{name}/preview.png": "read",
    "GET /datasets/{name}/preview": "read",
    "GET /experiments/{experiment_id}/rows/{row}.png": "read",
    "DELETE /datasets/{name}": "submit",
    "GET /webhooks": "admin",
    "POST /webhooks": "admin",
    "GET /webhooks/{webhook_id}": "admin",
    "DELETE /webhooks/{webhook_id}": "admin",
    "GET /experiments": "read",
    "POST /experiments": "submit",
    "POST /experiments/validate": "read",
    "GET /experiments/{experiment_id}": "read",
    "PATCH /experiments/{experiment_id}": "submit",
    "DELETE /experiments/{experiment_id}": "admin",
    "POST /experiments/{experiment_id}/cancel": "submit",
    "POST /experiments/{experiment_id}/retry": "submit",
    "GET /experiments/{experiment_id}/metrics": "read",
    "GET /experiments/{experiment_id}/classes": "read",
    "GET /experiments/{experiment_id}/confusion": "read",
    "GET /experiments/{experiment_id}/curves": "read",
    "GET /experiments/{experiment_id}/reliability": "read",
    "GET /experiments/{experiment_id}/operating-points": "read",
    "GET /experiments/{experiment_id}/importance": "read",
    "GET /experiments/{experiment_id}/charts/importance.svg": "read",
    "POST /experiments/{experiment_id}/robustness": "submit",
    "GET /experiments/{experiment_id}/robustness": "read",
    "POST /experiments/{experiment_id}/robustness/cancel": "submit",
    "GET /experiments/{experiment_id}/charts/robustness.svg": "read",
    "GET /experiments/{experiment_id}/charts/curves.svg": "read",
    "GET /experiments/{experiment_id}/charts/sparkline.svg": "read",
    "GET /experiments/{experiment_id}/charts/classes.svg": "read",
    "GET /experiments/{experiment_id}/charts/confusion.svg": "read",
    "GET /experiments/{experiment_id}/charts/predictions.svg": "read",
    "GET /experiments/{experiment_id}/charts/roc.svg": "read",
    "GET /experiments/{experiment_id}/charts/pr.svg": "read",
    "GET /experiments/{experiment_id}/charts/reliability.svg": "read",
    "GET /comparisons/chart.svg": "read",
    "GET /comparisons/{chart}.png": "read",
    "GET /sweeps/{sweep_id}/{chart}.png": "read",
    "GET /experiments/{experiment_id}/charts/{chart}.png": "read",
    "GET /comparisons/curves.svg": "read",
    "GET /experiments/{experiment_id}/predictions": "read",
    "GET /experiments/{experiment_id}/errors": "read",
    "GET /experiments/{experiment_id}/events": "read",
    "GET /experiments/{experiment_id}/weights": "read",
    "GET /experiments/{experiment_id}/bundle": "read",
    "POST /experiments/{experiment_id}/predict": "read",
    "POST /experiments/{experiment_id}/shift": "read",
    "GET /experiments/{experiment_id}/test-evaluations": "read",
    "POST /experiments/{experiment_id}/test-evaluations": "submit",
    "GET /monitors": "read",
    "POST /monitors": "submit",
    "GET /monitors/{monitor_id}": "read",
    "DELETE /monitors/{monitor_id}": "admin",
    "GET /monitors/{monitor_id}/batches": "read",
    "POST /monitors/{monitor_id}/batches": "submit",
    "GET /monitors/{monitor_id}/batches/{number}": "read",
    "GET /monitors/{monitor_id}/chart.svg": "read",
    "GET /monitors/{monitor_id}/chart.png": "read",
    "GET /epochs": "read",
    "GET /comparisons": "read",
    "GET /sweeps": "read",
    "POST /sweeps": "submit",
    "POST /sweeps/validate": "read",
    "GET /sweeps/{sweep_id}": "read",
    "DELETE /sweeps/{sweep_id}": "admin",
    "GET /sweeps/{sweep_id}/candidates": "read",
    "GET /sweeps/{sweep_id}/events": "read",
    "GET /sweeps/{sweep_id}/importance": "read",
    "GET /sweeps/{sweep_id}/leaderboard": "read",
    "GET /sweeps/{sweep_id}/chart.svg": "read",
    "GET /sweeps/{sweep_id}/parallel.svg": "read",
    "GET /sweeps/{sweep_id}/importance.svg": "read",
    "POST /sweeps/{sweep_id}/cancel": "submit",
    "POST /sweeps/{sweep_id}/retry": "submit",
}
"""What a route needs. It is written here a second time on purpose: a change of either is a decision."""
PAGES: dict[str, Scope | None] = {
    "GET /ui/sign-in": PUBLIC,
    "POST /ui/sign-in": PUBLIC,
    "POST /ui/sign-out": PUBLIC,
    "GET /ui/experiments": "read",
    "GET /ui/experiment-states/{experiment_id}": "read",
    "GET /ui/experiments/{experiment_id}": "read",
    "POST /ui/experiments/{experiment_id}/{action}": "submit",
    "POST /ui/experiments/{experiment_id}/edit": "submit",
    "GET /ui/experiments/{experiment_id}/predict": "read",
    "POST /ui/experiments/{experiment_id}/predict": "read",
    "GET /ui/experiments/{experiment_id}/test": "read",
    "POST /ui/experiments/{experiment_id}/test": "submit",
    "GET /ui/compare": "read",
    "POST /ui/compare": "read",
    "GET /ui/datasets": "read",
    "GET /ui/datasets/{name}": "read",
    "GET /ui/sweeps": "read",
    "GET /ui/sweeps/{sweep_id}": "read",
    "POST /ui/sweeps/{sweep_id}/{action}": "submit",
    "GET /ui/sweeps/new": "read",
    "POST /ui/sweeps/new": "submit",
    "POST /ui/sweeps/new/preview": "read",
    "GET /ui/experiments/{experiment_id}/shift": "read",
    "POST /ui/experiments/{experiment_id}/shift": "read",
    "GET /ui/monitors": "read",
    "POST /ui/monitors": "submit",
    "GET /ui/monitors/{monitor_id}": "read",
    "POST /ui/monitors/{monitor_id}/batches": "submit",
    "GET /ui/monitors/{monitor_id}/batches/{number}": "read",
    "GET /ui/new": "read",
    "POST /ui/new": "submit",
    "POST /ui/new/preview": "read",
    "GET /ui/upload": "read",
    "POST /ui/upload": "submit",
    "POST /ui/upload/inspect": "submit",
}
"""What a page needs. One that is refused leads to the sign-in, or says so in HTML."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def routes(app: FastAPI) -> set[str]:
    found = set()
    for route in iter_route_contexts(app.routes):
        path = re.sub(r":\w+}", "}", str(route.path))
        found |= {f"{method} {path}" for method in route.methods or () if method != "HEAD"}
    return found


def test_the_table_has_every_route(app: FastAPI) -> None:
    assert routes(app) == {*TABLE, *PAGES}


@pytest.mark.parametrize("given", [None, *SCOPES])
@pytest.mark.parametrize(("route", "needed"), TABLE.items(), ids=list(TABLE))
def test_a_scope_opens_what_it_should_and_nothing_else(
    closed_service: TestClient, its_bearer: Bearer, route: str, needed: Scope | None, given: Scope | None
) -> None:
    method, path = route.split()
    path = re.sub(r"{\w+_id}", "7", path).replace("{name}", "digits").replace("{number}", "1")
    response = closed_service.request(method, path, headers=its_bearer(given))
    if needed is None or (given is not None and SCOPES.index(given) >= SCOPES.index(needed)):
        assert response.status_code not in (401, 403, 500)
        return
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    if given is None:
        assert (response.status_code, problem["type"]) == (401, "/problems/unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"
    else:
        assert (response.status_code, problem["type"]) == (403, "/problems/scope-too-narrow")
        assert f"scope {needed}" in problem["detail"]
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        assert response.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("given", [None, *SCOPES])
@pytest.mark.parametrize(("route", "needed"), PAGES.items(), ids=list(PAGES))
def test_a_page_is_shown_to_those_who_may_see_it(
    closed_service: TestClient, its_bearer: Bearer, route: str, needed: Scope | None, given: Scope | None
) -> None:
    method, path = route.split()
    path = (
        re.sub(r"\{\w+_id\}", "7", path)
        .replace("{name}", "digits")
        .replace("{number}", "1")
        .replace("{action}", "cancel")
    )
    response = closed_service.request(method, path, headers=its_bearer(given), follow_redirects=False)
    assert response.status_code < 500
    leads_to_sign_in = response.headers.get("location", "").partition("?")[0].endswith("ui/sign-in")
    if given is None and needed is not None:
        assert leads_to_sign_in
    elif given is not None and needed is not None and SCOPES.index(given) < SCOPES.index(needed):
        assert (response.status_code, response.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert f"scope {needed}" in response.text
    else:
        assert response.status_code != 403
        assert not leads_to_sign_in


def test_the_document_says_of_every_operation_what_it_needs(app: FastAPI) -> None:
    document = app.openapi()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = TABLE[f"{method.upper()} {path}"]
            assert operation.get("security") == ([] if needed is None else [{}, {"token": [needed]}]), path
            assert ({"401", "403", "421", "429"} <= set(operation["responses"])) == (needed is not None)


def test_a_route_that_declares_nothing_is_for_admins_alone(settings: Settings, bearer: Bearer) -> None:
    router = APIRouter(route_class=StrictRoute)

    @router.get("/forgotten")
    def forgotten() -> None: ...

    app = create_app(settings)
    app.include_router(router)
    with TestClient(app) as client:
        answers = [client.get("/forgotten", headers=bearer(scope)).status_code for scope in (None, *SCOPES)]
    assert answers == [401, 403, 403, 200]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer hold_",
        "Bearer hold_" + "A" * 43,
        "Bearer hold_" + "A" * 10_000,
        "Basic aG9sZDpvdXQ=",
        "hold_" + "A" * 43,
        "Bearer \xff",
        "Bearer ' OR 1=1 --",
        "Bearer a, Bearer b",
    ],
)
def test_what_is_no_token_is_401(closed_service: TestClient, its_bearer: Bearer, header: str) -> None:
    response = closed_service.get("/experiments", headers=[(b"Authorization", header.encode("latin-1"))])
    assert response.status_code == 401
    assert header[7:] not in response.text or len(header) < 10


def test_nothing_of_a_body_is_read_before_the_token_is_known(
    closed_service: TestClient, its_bearer: Bearer
) -> None:
    response = closed_service.post("/experiments", content=b"{" * 10_000_000)
    assert response.status_code == 401
    response = closed_service.post("/experiments", content=b"not json", headers=its_bearer("read"))
    assert response.status_code == 403


def test_the_owner_of_an_experiment_is_the_token_that_submitted_it(
    client: TestClient, database: Database, bearer: Bearer
) -> None:
    spec = {"dataset": "iris"}
    assert client.post("/experiments", json=spec, headers=bearer("submit")).status_code == 202
    with database.read() as connection:
        assert list(connection.scalars(select(Experiment.owner))) == ["submit"]
        assert list(connection.scalars(select(Run.owner))) == ["submit"]
