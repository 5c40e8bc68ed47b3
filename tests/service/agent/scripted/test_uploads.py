"""An artifact store that is away: what it cannot take yet waits, and nothing else does."""

from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import update

from service import pauses
from service.agent.agent import Agent
from service.settings import Settings
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.artifacts.uploads import uploads_of
from service.store.queue import Lease
from service.store.tables import Run
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import checkpoints_of, epochs_of, start
from workers.processes.messages import (
    ArtifactReference,
    CheckpointTaken,
    Failed,
    FinalEvent,
    Stopped,
    Succeeded,
    WorkerEvent,
)

LARGE = b"large" * 100


@pytest.fixture
def settings(database_url: str, data_dir: Path, tmp_path: Path) -> Settings:
    artifacts = str(tmp_path / "artifacts")
    return Settings(
        database_url=database_url, data_dir=data_dir, artifacts=artifacts, artifact_bytes=100, workers=2
    )


@dataclass
class Store:
    """Takes nothing until `is_back` is set."""

    agent: Agent
    save: Callable[[bytes, ArtifactReference | None], ArtifactReference]
    is_back: Event

    def receive(self, lease: Lease, *events: WorkerEvent) -> None:
        """Let a worker send events, and the agent receive and flush them."""
        assert isinstance(self.agent.pool, ScriptedPool)
        self.agent.pool.add(lease, *(self.agent._offload(lease, event) for event in events))
        self.agent.receive_events(0)
        self.agent.flush()

    def come_back(self) -> None:
        """Take what waits, and let the agent flush."""
        self.is_back.set()
        for run in self.agent.runs.values():
            events: list[WorkerEvent] = [*run.pending]
            for event in [*events, *([run.final_event] if run.final_event else [])]:
                wait(uploads_of(event), timeout=10)
        self.agent.flush()
        self.agent.artifacts.wait_for_garbage(timeout=10)

    @property
    def names(self) -> set[str]:
        return self.agent.artifacts.files.names("checkpoints")


@pytest.fixture
def store(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.01)
    store = Store(agent, agent.artifacts.save, Event())

    def save(content: bytes, reference: ArtifactReference | None = None) -> ArtifactReference:
        if not store.is_back.is_set():
            raise BlobStoreUnavailable
        return store.save(content, reference)

    monkeypatch.setattr(agent.artifacts, "save", save)
    return store


def test_epochs_are_stored_while_a_checkpoint_waits(harness: Harness, agent: Agent, store: Store) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    store.receive(lease, epoch(1), CheckpointTaken(1, 1, b"one"))
    store.receive(lease, epoch(2), CheckpointTaken(2, 1, LARGE))
    store.receive(lease, epoch(3))
    assert epochs_of(harness, id_) == [(0, 1), (0, 2), (0, 3)]
    assert checkpoints_of(harness, lease.run_id) == [("newest", 1, b"one")]
    store.come_back()
    assert checkpoints_of(harness, lease.run_id) == [("newest", 2, None)]
    assert len(store.names) == 1


def test_a_newer_checkpoint_takes_the_place_of_one_that_waits(
    harness: Harness, agent: Agent, store: Store
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    for number in (1, 2, 3):
        store.receive(lease, epoch(number), CheckpointTaken(number, 1, LARGE))
    assert len(agent.runs[lease].pending) == 1
    store.come_back()
    assert checkpoints_of(harness, lease.run_id) == [("newest", 3, None)]
    assert len(store.names) == 1


def test_a_run_whose_model_waits_keeps_its_lease_and_the_others_end(
    harness: Harness, agent: Agent, pool: ScriptedPool, store: Store
) -> None:
    id_ = harness.submit(IRIS | {"seeds": [0, 1]})
    waiting, healthy = start(agent), start(agent)
    before = harness.runs(id_)[0].lease_until
    store.receive(waiting, epoch(1), CheckpointTaken(1, 1, LARGE), Succeeded(1, LARGE, LARGE))
    store.receive(healthy, epoch(1), Succeeded(1, b"model"))
    first, second = harness.runs(id_)
    assert (first.status, second.status, first.deaths) == ("running", "succeeded", 0)
    assert first.lease_until > before
    assert epochs_of(harness, id_) == [(0, 1), (1, 1)]
    woken = pool.woken
    store.come_back()
    assert pool.woken > woken
    assert harness.runs(id_)[0].status == "succeeded"
    assert [kind for kind, *_ in checkpoints_of(harness, waiting.run_id)] == ["model", "row_results"]
    assert (len(store.names), agent.runs) == (2, {})


def test_a_run_whose_model_waits_can_be_cancelled(harness: Harness, agent: Agent, store: Store) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    store.receive(lease, epoch(1), Succeeded(1, LARGE))
    harness.cancel(id_)
    agent.flush()
    agent.flush()
    assert (harness.run(id_).status, agent.runs) == ("cancelled", {})
    store.is_back.set()
    assert store.names == set()


@pytest.mark.parametrize("final", [Stopped("release"), Succeeded(2, LARGE)])
def test_a_stop_does_not_wait_for_a_store_that_is_away(
    harness: Harness, agent: Agent, store: Store, final: FinalEvent
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    store.receive(lease, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2))
    store.receive(lease, CheckpointTaken(2, 1, LARGE), final)
    assert harness.run(id_).status == "running"
    agent.give_up_uploads()
    run = harness.run(id_)
    assert (run.status, run.deaths, agent.runs) == ("queued", 0, {})
    assert checkpoints_of(harness, lease.run_id) == [("newest", 1, b"one")]
    assert agent.runs == {}


def test_a_released_run_waits_for_its_checkpoint(harness: Harness, agent: Agent, store: Store) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    store.receive(lease, epoch(1), CheckpointTaken(1, 1, LARGE), Stopped("release"))
    assert harness.run(id_).status == "running"
    store.come_back()
    assert harness.run(id_).status == "queued"
    assert checkpoints_of(harness, lease.run_id) == [("newest", 1, None)]


def test_the_uploads_of_a_run_that_was_lost_are_given_up(
    harness: Harness, agent: Agent, store: Store
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    store.receive(lease, epoch(1), CheckpointTaken(1, 1, LARGE))
    (checkpoint,) = agent.runs[lease].pending
    with harness.database.write() as connection:
        connection.execute(update(Run).values(attempt=Run.attempt + 1))
    agent.flush()
    assert agent.runs == {}
    assert [upload.cancelled() for upload in uploads_of(checkpoint)] == [True]


def test_a_failed_run_needs_no_checkpoint(harness: Harness, agent: Agent, store: Store) -> None:
    id_ = harness.submit(IRIS)
    store.receive(start(agent), epoch(1), CheckpointTaken(1, 1, LARGE), Failed("diverged", "epoch 2: NaN"))
    assert (harness.run(id_).status, agent.runs) == ("failed", {})
    store.is_back.set()
    assert store.names == set()


def test_what_is_too_large_for_a_row_is_named_by_the_claim_of_its_run(
    harness: Harness, agent: Agent, store: Store
) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    store.is_back.set()
    (upload,) = uploads_of(agent._offload(lease, CheckpointTaken(1, 1, LARGE)))
    assert f"-{lease.token}-" in upload.result(timeout=10).name


def test_a_run_says_that_it_waits_for_the_store(harness: Harness, agent: Agent, store: Store) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    agent.flush()
    assert harness.run(id_).waiting_for is None
    agent.artifacts.files.away_because = "the bucket is missing"
    store.receive(lease, epoch(1), CheckpointTaken(1, 1, LARGE))
    assert (harness.run(id_).status, harness.run(id_).waiting_for) == ("running", "artifact_store")
    agent.artifacts.files.away_because = None
    store.come_back()
    agent.flush()
    assert harness.run(id_).waiting_for is None
