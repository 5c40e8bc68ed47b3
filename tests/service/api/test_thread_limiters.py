"""Which threads a route takes, and how a limiter hands them out."""

import asyncio
import inspect
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from service.api import thread_limiters
from service.api.auth.authorization import allow
from service.api.routing.csv_route import CsvRoute
from service.api.routing.strict_route import StrictRoute
from service.api.thread_limiters import (
    LIMITS,
    Kind,
    Limit,
    Limiters,
    Standstill,
    ThreadLimiter,
    TooBusy,
)
from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from service.store.engine.options import POOL

OTHERS: dict[str, Kind] = {
    "GET /experiments/{experiment_id}/charts/curves.svg": "charts",
    "GET /experiments/{experiment_id}/charts/sparkline.svg": "charts",
    "GET /experiments/{experiment_id}/charts/classes.svg": "charts",
    "GET /experiments/{experiment_id}/charts/confusion.svg": "charts",
    "GET /experiments/{experiment_id}/charts/predictions.svg": "charts",
    "GET /experiments/{experiment_id}/charts/roc.svg": "charts",
    "GET /experiments/{experiment_id}/charts/pr.svg": "charts",
    "GET /experiments/{experiment_id}/charts/reliability.svg": "charts",
    "GET /comparisons/chart.svg": "charts",
    "GET /comparisons/{chart}.png": "charts",
    "GET /sweeps/{sweep_id}/{chart}.png": "charts",
    "GET /experiments/{experiment_id}/charts/{chart}.png": "charts",
    "GET /comparisons/curves.svg": "charts",
    "GET /experiments/{experiment_id}/importance": "importance",
    "GET /experiments/{experiment_id}/charts/importance.svg": "importance",
    "GET /experiments/{experiment_id}/charts/robustness.svg": "charts",
    "GET /sweeps/{sweep_id}/importance": "charts",
    "GET /sweeps/{sweep_id}/leaderboard": "charts",
    "GET /sweeps/{sweep_id}/chart.svg": "charts",
    "GET /sweeps/{sweep_id}/parallel.svg": "charts",
    "GET /sweeps/{sweep_id}/importance.svg": "charts",
    "POST /experiments/validate": "plans",
    "POST /sweeps/validate": "plans",
    "POST /experiments/{experiment_id}/predict": "models",
    "POST /experiments/{experiment_id}/shift": "shifts",
    "POST /monitors": "monitors",
    "POST /monitors/{monitor_id}/batches": "monitors",
    "GET /monitors/{monitor_id}/chart.svg": "charts",
    "GET /monitors/{monitor_id}/chart.png": "charts",
    "GET /experiments/{experiment_id}/weights": "models",
    "GET /experiments/{experiment_id}/bundle": "models",
    "GET /experiments/{experiment_id}/operating-points": "models",
    "GET /experiments/{experiment_id}/events": "streams",
    "GET /sweeps/{sweep_id}/events": "streams",
    "POST /datasets": "uploads",
    "POST /ui/new/preview": "reads",
    "POST /ui/sweeps/new/preview": "reads",
    "POST /ui/sign-in": "reads",
    "POST /ui/compare": "reads",
    "POST /ui/sign-out": "reads",
    "POST /ui/experiments/{experiment_id}/shift": "reads",
    "POST /ui/experiments/{experiment_id}/predict": "reads",
    "POST /datasets/inspect": "uploads",
    "GET /ready": "probes",
}
"""What is neither a GET that reads nor another method that writes. Written a second time on purpose."""
# Pages too: they call other routes, and wait for them.
IN_THE_LOOP = {
    "GET /health",
    "GET /static/{name}",
    "GET /experiments/{experiment_id}/events",
    "GET /sweeps/{sweep_id}/events",
}
IN_THE_LOOP |= {name for name in OTHERS if name.endswith(".png")}
BESIDE_REQUESTS = 10
"""Connections that the watch, the agent, the webhook dispatcher and their like take."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


def strict_routes(app: FastAPI) -> Iterator[tuple[str, StrictRoute]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, StrictRoute):
            path = re.sub(r":\w+}", "}", str(context.path))
            yield from ((f"{method} {path}", route) for method in route.methods or ())


def test_every_route_takes_the_threads_that_it_should(app: FastAPI) -> None:
    found = {name: route.threads for name, route in strict_routes(app)}
    assert len(found) > 30
    expected = {name: OTHERS.get(name, "reads" if name.startswith("GET ") else "writes") for name in found}
    assert found == expected
    assert set(OTHERS) <= set(found)


def test_no_route_runs_anything_under_the_limiter_that_all_threads_share(app: FastAPI) -> None:
    for name, route in strict_routes(app):
        calls = list(_calls(route.dependant))
        assert all(_is_async(call) for call in calls), name
        assert (getattr(route.endpoint, "__wrapped__", None) is None) == (
            name in IN_THE_LOOP or isinstance(route, CsvRoute) or " /ui/" in name
        ), name


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _is_async(call: Callable[..., Any]) -> bool:
    functions = (call, type(call).__call__)
    return any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in functions)


def test_a_new_route_that_changes_something_takes_a_thread_of_the_writers(settings: Settings) -> None:
    router = APIRouter(route_class=StrictRoute)

    @router.post("/forgotten", dependencies=[allow("submit")])
    def forgotten() -> None: ...

    app = create_app(settings)
    app.include_router(router)
    assert dict(strict_routes(app))["POST /forgotten"].threads == "writes"


def test_a_route_that_reads_may_not_write(settings: Settings) -> None:
    router = APIRouter(route_class=StrictRoute)
    app = create_app(settings)

    @router.get("/secretly", dependencies=[allow("read")])
    def secretly() -> None:
        with app.state.database.write():
            pass

    app.include_router(router)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/secretly").status_code == 500
        assert client.portal is not None
        with pytest.raises(RuntimeError, match="only read"):
            client.portal.call(_in_reads, app.state.limiters, app.state.database)


async def _in_reads(all_limiters: Limiters, database: Database) -> None:
    def write() -> None:
        with database.write():
            pass

    await all_limiters["reads"].run(write)


def test_there_is_a_connection_for_every_thread_that_may_ask_for_one() -> None:
    threads = sum(limit.threads for kind, limit in LIMITS.items() if kind != "uploads")
    assert threads + BESIDE_REQUESTS <= POOL["pool_size"] + POOL["max_overflow"]


class Jobs:
    """Functions that note what they do, and wait until they are let go."""

    def __init__(self) -> None:
        self.go, self.order, self.running, self.most = threading.Event(), list[int](), 0, 0

    def job(self, number: int) -> Callable[[], int]:
        def work() -> int:
            self.order.append(number)
            self.running += 1
            self.most = max(self.most, self.running)
            self.go.wait(10)
            self.running -= 1
            return number

        return work


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene()

    asyncio.run(main())


def test_so_many_run_at_once_and_the_others_in_the_order_in_which_they_came() -> None:
    jobs = Jobs()

    async def scene() -> None:
        limiter = ThreadLimiter(Limit(2))
        tasks = [asyncio.create_task(limiter.run(jobs.job(number))) for number in range(6)]
        await asyncio.sleep(0.2)
        assert (sorted(jobs.order), limiter.waiting) == ([0, 1], 4)
        jobs.go.set()
        assert await asyncio.gather(*tasks) == list(range(6))

    play(scene)
    assert jobs.most <= 2
    assert sorted(jobs.order[:2]) == [0, 1]
    assert sorted(jobs.order[2:]) == [2, 3, 4, 5]


def test_beyond_the_bound_only_a_standstill_refuses() -> None:
    jobs = Jobs()

    async def scene() -> None:
        limiter = ThreadLimiter(Limit(2, most_waiting=3))
        tasks = [asyncio.create_task(limiter.run(jobs.job(number))) for number in range(9)]
        await asyncio.wait(tasks, timeout=2, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.1)
        assert [task.done() for task in tasks] == [False] * 5 + [True] * 4
        started = time.monotonic()
        with pytest.raises(Standstill, match="5 requests"):
            await limiter.run(jobs.job(9))
        assert (
            time.monotonic() - started < thread_limiters.STANDSTILL_SECONDS / 2
        )  # it is known to stand still
        jobs.go.set()
        assert await asyncio.gather(*tasks[:5]) == list(range(5))
        assert all(isinstance(task.exception(), Standstill) for task in tasks[5:])

    play(scene)


def test_a_crowd_that_moves_on_is_served_however_large() -> None:
    async def scene() -> None:
        limiter = ThreadLimiter(Limit(2, most_waiting=3))
        crowd = [limiter.run(lambda: time.sleep(0.005)) for _ in range(200)]
        assert await asyncio.gather(*crowd) == [None] * 200

    play(scene)


def test_nobody_waits_for_a_thread_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_limiters, "LONGEST_WAIT_SECONDS", 0.2)
    jobs = Jobs()

    async def scene() -> None:
        limiter = ThreadLimiter(Limit(1))
        first = asyncio.create_task(limiter.run(jobs.job(0)))
        await asyncio.sleep(0.05)
        with pytest.raises(TooBusy, match="its turn"):
            await limiter.run(jobs.job(1))
        jobs.go.set()
        assert await first == 0
        assert await limiter.run(jobs.job(2)) == 2

    play(scene)
    assert jobs.order == [0, 2]


def test_a_caller_with_all_of_its_threads_delays_no_other() -> None:
    jobs = Jobs()

    async def scene() -> None:
        limiter = ThreadLimiter(Limit(3, per_caller=2))

        async def run(caller: str, number: int) -> int:
            thread_limiters.CALLER.set(caller)
            return await limiter.run(jobs.job(number))

        tasks = [asyncio.create_task(run("ada", number)) for number in range(4)]
        await asyncio.sleep(0.05)
        tasks.append(asyncio.create_task(run("bob", 4)))
        await asyncio.sleep(0.1)
        assert sorted(jobs.order) == [0, 1, 4]
        jobs.go.set()
        assert await asyncio.gather(*tasks) == list(range(5))
        assert not limiter._caller_places._places

    play(scene)
