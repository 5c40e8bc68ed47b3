"""Assembles the application: routes, middleware, error handlers, shared objects, agent and webhook dispatcher."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State

from service.agent.agent import Agent
from service.api.auth.authentication import Authenticator
from service.api.auth.origins import cors
from service.api.caching.response_cache import ResponseCache
from service.api.caching.response_store import ResponseStore
from service.api.errors import exception_handlers
from service.api.live.change_feed import ChangeFeed
from service.api.live.event_pages import EventPages
from service.api.live.stream_places import StreamPlaces
from service.api.live.summary_events import SummaryEvents
from service.api.openapi.document import document
from service.api.openapi.responses import unavailable
from service.api.thread_limiters import Limiters
from service.api.transport.middleware import RequestMiddleware
from service.api.transport.preflight import Preflight
from service.datasets.uploads import UploadService
from service.experiments.importance import ImportanceService
from service.experiments.interval_writer import IntervalWriter
from service.experiments.intervals import IntervalService
from service.experiments.leaderboards import LeaderboardService
from service.experiments.model_cache import ModelCache
from service.experiments.row_differences import RowDifferences
from service.experiments.row_results import RowResultsLoader
from service.experiments.shift_references import ShiftReferences
from service.free_space import FreeSpace
from service.idle_release import release_repeatedly
from service.memory_budget import MemoryBudget, default_limit
from service.notifiers import notifier_of
from service.operations.prometheus import PrometheusMetrics
from service.operations.readiness import Readiness
from service.operations.store_check import StoreCheck
from service.operations.telemetry import telemetry
from service.routes import (
    catalog,
    chart_pictures,
    charts,
    comparisons,
    csv_predictions,
    curves,
    datasets,
    epochs,
    epochs_of_many,
    events,
    experiments,
    health,
    importance,
    models,
    monitors,
    pages,
    problems,
    robustness,
    row_results,
    shift,
    sweep_charts,
    sweep_events,
    sweeps,
    test_evaluations,
    web,
    web_forms,
    web_models,
    web_sessions,
    web_shift,
    web_sweeps,
    webhooks,
)
from service.settings import Settings
from service.store import status_reader, sweep_reader
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.blob_store import shared_blob_store
from service.store.credentials.signing_keys import signing_key
from service.store.database import Database
from service.store.epochs.curve_reader import CurveReader
from service.store.sealing import sealing_key
from service.webhooks.dispatcher import WebhookDispatcher
from workers.data.registry import DatasetRegistry


def create_app(settings: Settings) -> FastAPI:
    """Create the API for a migrated database, with an embedded agent unless `settings.workers` is 0."""
    app = FastAPI(
        title="Holdout",
        version=version("holdout"),
        openapi_url=None,  # `service.routes.pages` sends the document
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        responses=unavailable(),
        telemetry=telemetry(),
    )
    app.state.settings = settings
    app.state.request_stop = lambda: None
    app.state.observe = lambda request: None
    app.openapi = partial(document, app)  # type: ignore[method-assign]
    for resource in (
        experiments,
        epochs,
        epochs_of_many,
        curves,
        charts,
        chart_pictures,
        comparisons,
        sweeps,
        sweep_charts,
        events,
        sweep_events,
        row_results,
        csv_predictions,
        shift,
        monitors,
        models,
        importance,
        robustness,
        test_evaluations,
        datasets,
        catalog,
        webhooks,
        health,
        problems,
        pages,
        web,
        web_models,
        web_shift,
        web_forms,
        web_sweeps,
        web_sessions,
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
    """Create the shared objects, and run the agent and the webhook dispatcher, while the application serves."""
    settings: Settings = app.state.settings
    with closing(Database(settings.url)) as database:
        _create_shared_objects(app.state, settings, database)
        app.state.shift_references = ShiftReferences(app.state.registry)
        caches = [app.state.models, app.state.row_results, app.state.curves]
        releasing = asyncio.create_task(release_repeatedly(caches))
        try:
            async with _background_threads(app.state, settings, database):
                yield
        finally:
            releasing.cancel()


def _create_shared_objects(state: State, settings: Settings, database: Database) -> None:
    """The objects that requests share; dependencies and middleware find them in the state of the application."""
    state.database = database
    state.registry = DatasetRegistry(settings.data_dir, shared_blob_store(settings))
    state.space = FreeSpace(settings.data_dir, settings.min_free_bytes)
    state.uploads = UploadService(state.registry, settings, state.space)
    state.artifacts = ArtifactStore(settings.artifacts_url)
    state.models = ModelCache(database, state.artifacts)
    state.row_results = RowResultsLoader(database, state.artifacts)
    state.curves = CurveReader()
    state.intervals = IntervalService(database, state.row_results)
    state.row_differences = RowDifferences(state.row_results)
    state.leaderboards = LeaderboardService(database, state.row_results)
    state.notifier = notifier_of(settings)
    state.memory = MemoryBudget(
        settings.api_memory_bytes or default_limit(), release=partial(_drop_caches, state)
    )
    state.importance = ImportanceService(database, state.registry, state.models, state.memory)
    state.limiters = Limiters()
    state.authenticator = Authenticator(settings, database, state.limiters["authentication"])
    state.response_store = ResponseStore()
    state.sealing_key = sealing_key(settings)
    state.cursor_key = signing_key(database, "cursors")
    state.readiness = Readiness(StoreCheck(state.artifacts.files))
    state.metrics = PrometheusMetrics(database, state.space, lease_seconds=settings.lease_seconds)
    state.observe = state.metrics.observe
    _create_live_objects(state, settings, database)


def _create_live_objects(state: State, settings: Settings, database: Database) -> None:
    """What long polls and event streams share."""
    state.event_pages = EventPages(database, state.limiters["streams"])
    state.summary_events = SummaryEvents(database, state.intervals, state.limiters["streams"])
    state.change_feed = ChangeFeed(database, status_reader.known_states)
    state.sweep_feed = ChangeFeed(database, sweep_reader.known_states)
    state.stream_places = StreamPlaces(settings.max_streams)


def _drop_caches(state: State) -> None:
    state.registry.close_unused()
    state.models.clear()
    state.shift_references.clear()
    state.response_store.clear()
    state.event_pages.clear()


@asynccontextmanager
async def _background_threads(state: State, settings: Settings, database: Database) -> AsyncIterator[None]:
    """Run the agent, if there are workers, and the webhook dispatcher, for as long as the context lasts."""
    feeds: list[ChangeFeed[Any]] = [state.change_feed, state.sweep_feed]
    agent: Agent | None = None
    intervals = IntervalWriter(state.intervals, lambda: agent is not None and agent.is_full)

    def runs_ended(experiment_ids: Collection[int]) -> None:
        intervals.runs_ended(experiment_ids)
        for feed in feeds:
            feed.look()

    if settings.workers:
        agent = Agent(database, state.registry, settings, on_end=runs_ended, notifier=state.notifier)
    state.agent = agent
    dispatcher = WebhookDispatcher(database, private=settings.webhooks_private, key=state.sealing_key)
    dispatcher.start()
    state.request_stop = partial(_request_stop, feeds, agent)
    if agent:
        agent.start()
    try:
        yield
    finally:
        state.uploads.close()
        for feed in feeds:
            await feed.close()
        if agent:
            await run_in_threadpool(agent.stop)
        await run_in_threadpool(intervals.close)
        await run_in_threadpool(dispatcher.stop)


def _request_stop(feeds: Collection[ChangeFeed[Any]], agent: Agent | None) -> None:
    """End long polls and event streams, and release the runs, while other open connections are still served."""
    for feed in feeds:
        feed.request_stop()
    if agent:
        agent.request_stop()
