"""An agent stores an artifact and commits its row, and a sweep removes orphans: in every order of their steps.

The artifact counts as old in all of them: the database was away for longer than an hour, or the clock is ahead.
"""

import os
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from sqlalchemy import select

from service.store import queue
from service.store.artifacts import artifact_store
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.uploads import uploads_of
from service.store.queue import Lease
from service.store.tables import Checkpoint
from tests.service.store.experiments import LEASE_SECONDS, QueueHarness
from tests.service.stored_runs import save_model
from workers.processes.messages import ArtifactReference, Succeeded

MODEL = b"model" * 100
STEPS = ("upload", "commit", "list", "read the rows", "remove")
OF_AGENT, OF_SWEEP = STEPS[:2], STEPS[2:]
ORDERS = [
    tuple(next(agent) if place in places else next(sweep) for place in range(len(STEPS)))
    for places in combinations(range(len(STEPS)), len(OF_AGENT))
    for agent, sweep in [(iter(OF_AGENT), iter(OF_SWEEP))]
]


def lose(harness: QueueHarness, lease: Lease) -> None:
    """Let another agent take the run over."""
    harness.expire(lease)
    harness.take("other")


FATES: dict[str, Callable[[QueueHarness, Lease], object]] = {
    "held": lambda harness, lease: None,
    "expired": QueueHarness.expire,
    "lost": lose,
    "ended": QueueHarness.record_death,
}
"""What happens to the lease before the commit."""


class Agent:
    """The steps of an agent with a lease."""

    def __init__(self, harness: QueueHarness, artifacts: ArtifactStore) -> None:
        self.harness, self.artifacts, self.lease = harness, artifacts, harness.take()
        self.model: bytes | ArtifactReference | None = None

    def upload(self) -> None:
        event = self.artifacts.offload(Succeeded(1, MODEL), self.lease.token)
        (upload,) = uploads_of(event)
        self.model = upload.result(timeout=10)
        make_old(self.artifacts)

    def commit(self) -> None:
        """As a flush does it: renew, write, finish."""
        assert self.model is not None
        with self.harness.database.write() as connection:
            if queue.renew(connection, self.lease, lease_seconds=LEASE_SECONDS, worked_seconds=1.0):
                ended = Succeeded(1, self.model)
                save_model(connection, self.artifacts, self.lease.run_id, ended)
                queue.finish(connection, self.lease, "succeeded")


class Sweep:
    """The steps of a sweep of another agent."""

    def __init__(self, harness: QueueHarness, artifacts: ArtifactStore) -> None:
        self.harness, self.artifacts = harness, artifacts
        self.listed: set[str] = set()
        self.orphans: set[str] = set()

    def list(self) -> None:
        self.listed = self.artifacts.files.names("checkpoints")

    def read_the_rows(self) -> None:
        self.orphans = artifact_store._orphaned(self.harness.database, self.listed)

    def remove(self) -> None:
        self.artifacts.remove_old(self.orphans)


def make_old(artifacts: ArtifactStore) -> None:
    old = time.time() - 2 * artifact_store.ORPHANED_AFTER_SECONDS
    for name in artifacts.files.names("checkpoints"):
        os.utime(Path(artifacts.files.url) / name, (old, old))


@pytest.mark.sampled(20)
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
def test_a_sweep_removes_no_artifact_that_is_committed_and_leaves_none_that_is_not(
    harness: QueueHarness, tmp_path: Path, order: tuple[str, ...], fate: str
) -> None:
    artifacts = ArtifactStore(str(tmp_path), row_bytes=100)
    harness.submit()
    agent, sweep = Agent(harness, artifacts), Sweep(harness, artifacts)
    for step in order:
        if step == "commit":
            FATES[fate](harness, agent.lease)
        actor = agent if step in OF_AGENT else sweep
        getattr(actor, step.replace(" ", "_"))()
    with harness.database.read() as connection:
        row = connection.execute(select(Checkpoint)).one_or_none()
    is_committed = fate in ("held", "expired")
    assert (row is not None) == is_committed
    if row is not None:
        assert artifacts.load(artifact_store.stored_content(row)) == MODEL
    artifacts.sweep(harness.database)
    assert len(artifacts.files.names("checkpoints")) == is_committed
