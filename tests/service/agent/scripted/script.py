"""Steps of the agent's tests: start a worker, send its events, read what was stored."""

from typing import Any

from sqlalchemy import Row, select

from service.agent.agent import Agent
from service.store.queue import Lease
from service.store.tables import Checkpoint, EpochMetrics, Run
from tests.harness import Harness
from tests.service.agent.scripted.pool import ScriptedPool


def start(agent: Agent) -> Lease:
    """Claim the next run, start its worker, and return the lease."""
    assert agent.claim()
    *_, lease = agent.runs
    agent.runs[lease].assignment.exception(timeout=10)
    agent.start_prepared()
    return lease


def send(agent: Agent, lease: Lease, *events: Any) -> None:
    """Let a worker send events, and the agent receive and flush them."""
    assert isinstance(agent.pool, ScriptedPool)
    agent.pool.add(lease, *events)
    agent.receive_events(0)
    agent.flush()


def epochs_of(harness: Harness, id_: int) -> list[tuple[int, int]]:
    """Seed and number of every stored epoch."""
    rows = select(Run.seed, EpochMetrics.epoch).join(Run, Run.id == EpochMetrics.run_id)
    mine = rows.where(Run.experiment_id == id_, EpochMetrics.split == "train").order_by(
        Run.seed, EpochMetrics.epoch
    )
    with harness.database.read() as connection:
        return [(row.seed, row.epoch) for row in connection.execute(mine)]


def metrics_of(harness: Harness, run_id: int) -> list[Row[Any]]:
    """The stored metrics of a run, by part and epoch."""
    table = EpochMetrics.__table__
    mine = select(table).where(table.c.run_id == run_id).order_by(table.c.split, table.c.epoch)
    with harness.database.read() as connection:
        return list(connection.execute(mine))


def checkpoints_of(harness: Harness, run_id: int) -> list[tuple[str, int, bytes | None]]:
    rows = select(Checkpoint.kind, Checkpoint.epoch, Checkpoint.content).where(Checkpoint.run_id == run_id)
    with harness.database.read() as connection:
        return [(row.kind, row.epoch, row.content) for row in connection.execute(rows)]
