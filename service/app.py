"""The application: its routes, its errors, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool

from service.agent.agent import Agent
from service.api.auth.authentication import Authenticator
from service.api.auth.origins import cors
from service.api.auth.preflight import Preflight
from service.api.caching.response_cache import ResponseCache
from service.api.caching.response_store import ResponseStore
from service.api.errors import exception_handlers
from service.api.live.change_feed import ChangeFeed
from service.api.openapi.document import document
from service.api.openapi.responses import unavailable
from service.api.routing.thread_limiters import Limiters
from service.api.transport.middleware import RequestMiddleware
from service.datasets.uploads import UploadService
from service.experiments.model_cache import ModelCache
from service.notifiers import notifier_of
from service.operations.prometheus import PrometheusMetrics
from service.operations.telemetry import telemetry
from service.routes import (
    catalog,
    comparisons,
    datasets,
    epochs,
    epochs_of_many,
    events,
    experiments,
    health,
    models,
    pages,
    problems,
    test_evaluations,
    webhooks,
)
from service.settings import Settings
from service.store.artifacts import Artifacts
from service.store.blob_store import shared_blob_store
from service.store.database import Database
from service.store.signing_keys import signing_key
from service.webhooks.dispatcher import WebhookDispatcher
from workers.data.registry import DatasetRegistry


def create_app(settings: Settings) -> FastAPI:
    """The API on a migrated database, with an embedded agent unless `settings.workers` is 0."""
    app = FastAPI(
        title="Holdout",
        version=version("holdout"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        responses=unavailable(),
        telemetry=telemetry(),
    )
    app.state.settings = settings
    app.state.request_stop = lambda: None
    app.state.observe = lambda exchange: None
    app.openapi = partial(document, app)  # type: ignore[method-assign]
    for resource in (
        experiments,
        epochs,
        epochs_of_many,
        comparisons,
        events,
        models,
        test_evaluations,
        datasets,
        catalog,
        webhooks,
        health,
        problems,
        pages,
    ):
        app.include_router(resource.router)
    app.add_middleware(ResponseCache)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, **cors(settings.cors_origins))
    app.add_middleware(Preflight, origins=settings.cors_origins)
    app.add_middleware(RequestMiddleware)
    exception_handlers.install(app)
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
    app.state.registry = registry = DatasetRegistry(settings.data_dir, shared_blob_store(settings))
    app.state.uploads = uploads = UploadService(registry, settings)
    app.state.models = ModelCache(database, Artifacts(settings.artifacts_url))
    app.state.notifier = notifier = notifier_of(settings)
    app.state.limiters = limiters = Limiters()
    app.state.guard = Authenticator(settings, database, limiters["authentication"])
    app.state.shelf = ResponseStore()
    app.state.cursor_key = signing_key(database, "cursors")
    app.state.metrics = metrics = PrometheusMetrics(database, lease_seconds=settings.lease_seconds)
    app.state.observe = metrics.observe
    app.state.watch = watch = ChangeFeed(database)
    agent = (
        Agent(database, registry, settings, on_end=watch.look, notifier=notifier)
        if settings.workers
        else None
    )
    app.state.agent = agent
    dispatcher = WebhookDispatcher(database, private=settings.webhooks_private)
    dispatcher.start()
    app.state.request_stop = partial(_request_stop, watch, agent)
    if agent:
        agent.start()
    try:
        yield
    finally:
        uploads.close()
        await watch.close()
        if agent:
            await run_in_threadpool(agent.stop)
        await run_in_threadpool(dispatcher.stop)


def _request_stop(watch: ChangeFeed, agent: Agent | None) -> None:
    """Let go who waits, and hand back what runs, while open connections are still being served."""
    watch.request_stop()
    if agent:
        agent.request_stop()
