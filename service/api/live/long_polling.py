"""Long polling: `?wait=20` holds a request until something is new, before anything is read for its response."""

import random
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated

from anyio import CancelScope, create_task_group, move_on_after
from fastapi import Depends, Query, Request

from service.api.live.change_feed import ChangeFeed, State
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.parameters import ExperimentId, MetricsQuery, SweepId
from service.api.thread_limiters import ThreadLimiter
from service.http.conditional import PreconditionDep
from service.store import experiment_reader, sweep_reader
from service.store.database import Database
from service.store.epochs.epoch_reader import EVALUATION, SPLITS, EpochQuery
from service.store.run_keys import RunKey
from service.store.status_reader import ExperimentState
from service.store.sweep_reader import SweepState

LONGEST_WAIT_SECONDS = 60
SHORTEST_SHARE = 0.9
"""The least share of the requested time that a request waits. Clients that began to wait together so do not return
together.
"""

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=LONGEST_WAIT_SECONDS,
        description="Seconds to wait if nothing is new. The answer comes as soon as something is.",
        examples=[20],
    ),
]


async def wait_for_change(
    request: Request,
    experiment_id: ExperimentId,
    precondition: PreconditionDep,
    database: DatabaseDep,
    wait: Wait = 0,
) -> None:
    """Wait until the experiment differs from what the client has; without If-None-Match, from what it is now."""
    if not wait:
        return
    threads: ThreadLimiter = request.app.state.limiters["reads"]
    now, position = await threads.run(partial(_state_and_position, database, experiment_id))
    if precondition.matches(now, position) or (not precondition.if_none_match and not now.is_over):
        feed: ChangeFeed[ExperimentState] = request.app.state.change_feed
        await _wait(request, feed, experiment_id, wait, lambda state: state != now)


async def wait_for_sweep(
    request: Request,
    sweep_id: SweepId,
    precondition: PreconditionDep,
    database: DatabaseDep,
    wait: Wait = 0,
) -> None:
    """Wait until the sweep differs from what the client has; without If-None-Match, from what it is now."""
    if not wait:
        return
    threads: ThreadLimiter = request.app.state.limiters["reads"]
    now = await threads.run(partial(_sweep_state, database, sweep_id))
    if precondition.matches(now) or (not precondition.if_none_match and not now.is_over):
        feed: ChangeFeed[SweepState] = request.app.state.sweep_feed
        await _wait(request, feed, sweep_id, wait, lambda state: state != now)


async def wait_for_rows(
    request: Request,
    experiment_id: ExperimentId,
    query: Annotated[MetricsQuery, Query()],
    precondition: PreconditionDep,
    _format: Wanted,
    wait: Wait = 0,
) -> MetricsQuery:
    """Wait until there are rows that the client has not read, or none will come. Returns the query itself."""
    wanted = query.epoch_query()
    if wait:
        feed: ChangeFeed[ExperimentState] = request.app.state.change_feed
        await _wait(
            request,
            feed,
            experiment_id,
            wait,
            lambda state: not precondition.matches(state) and has_rows(state, wanted),
        )
    return query


def has_rows(state: ExperimentState, wanted: EpochQuery) -> bool:
    """Whether there are rows that the query asks for, or the experiment is over, so that there never will be more."""
    read = {position.run: (position.epoch, position.split) for position in wanted.after or ()}
    last = wanted.split or SPLITS[-1]
    return state.is_over or any(
        run.epoch > wanted.after_epoch and (run.epoch, last) > read.get(RunKey.of(run), (0, ""))
        for run in state.runs
        if wanted.runs.matches(RunKey.of(run)) and (last != EVALUATION or run.status == "succeeded")
    )


def _state_and_position(database: Database, experiment_id: int) -> tuple[ExperimentState, int | None]:
    with database.read() as connection:
        return experiment_reader.state_and_position(connection, experiment_id)


def _sweep_state(database: Database, sweep_id: int) -> SweepState:
    with database.read() as connection:
        return sweep_reader.state(connection, sweep_reader.sweep(connection, sweep_id))


async def _wait(
    request: Request,
    feed: ChangeFeed[State],
    number: int,
    seconds: float,
    is_new: Callable[[State], bool],
) -> None:
    """Wait until a state is new, the time is over, the client has left, or the service is being stopped."""
    with move_on_after(seconds * random.uniform(SHORTEST_SHARE, 1)):  # noqa: S311 -- nothing secret
        async with create_task_group() as tasks, aclosing(feed.changes(number)) as changes:
            tasks.start_soon(_cancel_on_disconnect, request, tasks.cancel_scope)
            async for state in changes:
                if is_new(state):
                    break
            tasks.cancel_scope.cancel()


async def _cancel_on_disconnect(request: Request, scope: CancelScope) -> None:
    """Stop waiting once the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


AwaitedQuery = Annotated[MetricsQuery, Depends(wait_for_rows)]
"""Which metrics to read, resolved once there are any."""
