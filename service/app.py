"""The application: its routes, its errors, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool

from service.agent import Agent
from service.api import handlers, openapi
from service.api.edge import Edge
from service.api.guard import Guard
from service.api.kept import Kept
from service.api.limiters import Limiters
from service.api.preflight import Preflight
from service.api.watch import Watch
from service.datasets.uploads import Intake
from service.engines import engine_of
from service.experiments.models import Models
from service.http.origins import cors
from service.http.shelf import Shelf
from service.operations.metrics import Metrics
from service.operations.telemetry import telemetry
from service.routes import (
    across,
    catalog,
    comparisons,
    datasets,
    epochs,
    events,
    experiments,
    models,
    operation,
    pages,
    problems,
    retries,
    test_evaluations,
    webhooks,
)
from service.settings import Settings
from service.store.artifacts import Artifacts
from service.store.database import Database
from service.store.files import shared_files
from service.store.keys import signing_key
from service.webhooks.courier import Courier
from workers.data.library import Library


def create_app(settings: Settings) -> FastAPI:
    """The API on a migrated database, with an embedded agent unless `settings.workers` is 0."""
    app = FastAPI(
        title="Holdout",
        version=version("holdout"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        responses=openapi.unavailable(),
        telemetry=telemetry(),
    )
    app.state.settings = settings
    app.state.request_stop = lambda: None
    app.state.observe = lambda exchange: None
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    for resource in (
        experiments,
        retries,
        epochs,
        across,
        comparisons,
        events,
        models,
        test_evaluations,
        datasets,
        catalog,
        webhooks,
        operation,
        problems,
        pages,
    ):
        app.include_router(resource.router)
    app.add_middleware(Kept)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, **cors(settings.cors_origins))
    app.add_middleware(Preflight, origins=settings.cors_origins)
    app.add_middleware(Edge)
    handlers.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    with closing(Database(settings.url)) as database:
        async with _running(app, settings, database):
            yield


@asynccontextmanager
async def _running(app: FastAPI, settings: Settings, database: Database) -> AsyncIterator[None]:
    """All that the application has beside its database, for as long as it runs."""
    app.state.database = database
    app.state.library = library = Library(settings.data_dir, shared_files(settings))
    app.state.intake = intake = Intake(library, settings)
    app.state.models = Models(database, Artifacts(settings.artifacts_url))
    app.state.engine = engine_of(settings)
    app.state.limiters = limiters = Limiters()
    app.state.guard = Guard(settings, database, limiters["authentication"])
    app.state.shelf = Shelf()
    app.state.cursor_key = signing_key(database, "cursors")
    app.state.metrics = metrics = Metrics(database, lease_seconds=settings.lease_seconds)
    app.state.observe = metrics.observe
    app.state.watch = watch = Watch(database)
    agent = Agent(database, library, settings, on_end=watch.look) if settings.workers else None
    app.state.agent = agent
    courier = Courier(database, private=settings.webhooks_private)
    courier.start()
    app.state.request_stop = partial(_request_stop, watch, agent)
    app.state.ring = agent.ring if agent else lambda: None
    if agent:
        agent.start()
    try:
        yield
    finally:
        intake.close()
        await watch.close()
        if agent:
            await run_in_threadpool(agent.stop)
        await run_in_threadpool(courier.stop)


def _request_stop(watch: Watch, agent: Agent | None) -> None:
    """Let go who waits, and hand back what runs, while open connections are still being served."""
    watch.request_stop()
    if agent:
        agent.request_stop()
