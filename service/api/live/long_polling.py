"""Long polling: `?wait=20` holds a request until there is news, before anything is read for its answer."""

import random
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated

from anyio import CancelScope, create_task_group, move_on_after
from fastapi import Depends, Query, Request

from service.api.live.change_feed import ChangeFeed
from service.api.routing.content_negotiation import Wanted
from service.api.routing.dependencies import DatabaseDep
from service.api.routing.parameters import ExperimentId, ReadingMetrics
from service.api.routing.thread_limiters import ThreadLimiter
from service.http.conditional import Known
from service.store import experiment_reader
from service.store.database import Database
from service.store.epochs.epoch_reader import EpochQuery
from service.store.status_reader import ExperimentState

LONGEST_WAIT_SECONDS = 60
EARLIEST = 0.9
"""Of the time asked for: who began to wait together does not come back together."""

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
    request: Request, experiment_id: ExperimentId, known: Known, database: DatabaseDep, wait: Wait = 0
) -> None:
    """Until the experiment is not as the client knows it, or, where it says nothing of that, as it is now."""
    if not wait:
        return
    threads: ThreadLimiter = request.app.state.limiters["reads"]
    now, position = await threads.run(partial(_standing, database, experiment_id))
    if known.knows(now, position) or (not known.given and not now.is_over):
        await _wait(request, experiment_id, wait, lambda state: state != now)


async def wait_for_rows(
    request: Request,
    experiment_id: ExperimentId,
    query: Annotated[ReadingMetrics, Query()],
    known: Known,
    _format: Wanted,
    wait: Wait = 0,
) -> ReadingMetrics:
    """Until there are rows that the client has not read, or none will come; the query itself."""
    wanted = query.epoch_query()
    if wait:
        await _wait(
            request, experiment_id, wait, lambda state: not known.knows(state) and has_rows(state, wanted)
        )
    return query


def has_rows(state: ExperimentState, wanted: EpochQuery) -> bool:
    """Whether there are rows of the kind that is wanted, or it is over: then there never will be more."""
    read = {seed: (epoch, split) for seed, epoch, split in wanted.after or ()}
    last = wanted.split or "validation"
    return state.is_over or any(
        run.epoch > wanted.after_epoch and (run.epoch, last) > read.get(run.seed, (0, ""))
        for run in state.runs
        if wanted.seed in (None, run.seed)
    )


def _standing(database: Database, experiment_id: int) -> tuple[ExperimentState, int | None]:
    with database.read() as connection:
        return experiment_reader.state_and_position(connection, experiment_id)


async def _wait(
    request: Request, experiment_id: int, seconds: float, is_news: Callable[[ExperimentState], bool]
) -> None:
    """Until there is news, the time is over, the client has left, or the service is being stopped."""
    watch: ChangeFeed = request.app.state.change_feed
    with move_on_after(seconds * random.uniform(EARLIEST, 1)):  # noqa: S311 -- nothing secret
        async with create_task_group() as tasks, aclosing(watch.changes(experiment_id)) as changes:
            tasks.start_soon(_leave_with, request, tasks.cancel_scope)
            async for state in changes:
                if is_news(state):
                    break
            tasks.cancel_scope.cancel()


async def _leave_with(request: Request, scope: CancelScope) -> None:
    """Stop waiting for a client that is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


Changed = Annotated[None, Depends(wait_for_change)]
"""Of a route that answers about one experiment."""
Awaited = Annotated[ReadingMetrics, Depends(wait_for_rows)]
"""Which metrics to read, once there are any."""
