"""Checkpoints and models that are too large for a row: the agent stores them as artifacts."""

from concurrent.futures import wait
from pathlib import Path

import pytest
from sqlalchemy import select, update

from service import pauses
from service.agent.agent import Agent
from service.settings import Settings
from service.store.artifacts.artifact_store import ArtifactStore, stored_content
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.artifacts.uploads import uploads_of
from service.store.queue import Lease
from service.store.tables import Checkpoint, Run
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import start
from tests.slow_runs import long_spec
from workers.processes.messages import CheckpointTaken, Stopped, Succeeded, WorkerEvent

LARGE = b"large" * 100


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def settings(database_url: str, data_dir: Path, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        data_dir=data_dir,
        artifacts=str(tmp_path / "artifacts"),
        artifact_bytes=100,
        workers=2,
        checkpoint_seconds=0.2,
    )


@pytest.fixture
def agent(harness: Harness, settings: Settings) -> Agent:
    return Agent(harness.database, harness.registry, settings, ScriptedPool())


def send(agent: Agent, lease: Lease, *events: WorkerEvent) -> None:
    """Let a worker send events, the store take large contents, and the agent receive and flush them."""
    assert isinstance(agent.pool, ScriptedPool)
    offloaded = [agent._offload(lease, event) for event in events]
    for event in offloaded:
        wait(uploads_of(event), timeout=10)
    agent.pool.add(lease, *offloaded)
    agent.receive_events(0)
    agent.flush()
    agent.artifacts.wait_for_garbage(timeout=10)


def names(agent: Agent) -> set[str]:
    return agent.artifacts.files.names("checkpoints")


def test_a_run_resumes_from_an_artifact(harness: Harness, agent: Agent) -> None:
    harness.submit(IRIS)
    first = start(agent)
    send(agent, first, epoch(1), CheckpointTaken(1, 1, LARGE), Stopped("release"))
    second = start(agent)
    assert isinstance(agent.pool, ScriptedPool)
    assert agent.pool.started[second].checkpoint == LARGE


@pytest.mark.parametrize("damage", [b"", None])
def test_a_run_whose_checkpoint_is_lost_starts_over(
    harness: Harness, agent: Agent, caplog: pytest.LogCaptureFixture, damage: bytes | None
) -> None:
    id_ = harness.submit(IRIS)
    first = start(agent)
    send(agent, first, epoch(1), CheckpointTaken(1, 1, LARGE), Stopped("release"))
    for name in names(agent):
        agent.artifacts.files.remove(name)
        if damage is not None:
            agent.artifacts.files.write(name, damage)
    second = start(agent)
    assert isinstance(agent.pool, ScriptedPool)
    assert agent.pool.started[second].checkpoint is None
    assert f"run {second.run_id} starts over" in caplog.text
    assert (harness.run(id_).epoch, harness.run(id_).status) == (0, "running")
    send(agent, second, epoch(1))
    assert harness.run(id_).epoch == 1


def test_a_run_whose_checkpoint_cannot_be_read_now_waits_for_it(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.01)
    id_ = harness.submit(IRIS)
    send(agent, start(agent), epoch(1), CheckpointTaken(1, 1, LARGE), Stopped("release"))

    def away(_: object) -> bytes:
        raise BlobStoreUnavailable

    with monkeypatch.context() as outage:
        outage.setattr(agent.artifacts, "load", away)
        assert agent.claim()
        agent.flush()
        (run,) = agent.runs.values()
        assert (harness.run(id_).status, run.assignment.done()) == ("running", False)
    assert run.assignment.result(timeout=10).checkpoint == LARGE
    assert harness.run(id_).deaths == 0


def test_a_run_that_waits_for_its_checkpoint_can_be_cancelled(
    harness: Harness, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = harness.submit(IRIS)
    send(agent, start(agent), epoch(1), CheckpointTaken(1, 1, LARGE), Stopped("release"))

    def away(_: object) -> bytes:
        raise BlobStoreUnavailable

    monkeypatch.setattr(agent.artifacts, "load", away)
    assert agent.claim()
    (run,) = agent.runs.values()
    harness.cancel(id_)
    agent.flush()
    agent.flush()
    assert (harness.run(id_).status, agent.runs) == ("cancelled", {})
    assert run.assignment.cancelled()


def test_an_agent_that_lost_the_run_removes_none_of_its_epochs(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    first = start(agent)
    send(agent, first, epoch(1), CheckpointTaken(1, 1, LARGE), Stopped("release"))
    claim = agent.runs[start(agent)].claim
    with harness.database.write() as connection:
        connection.execute(update(Run).values(attempt=Run.attempt + 1))
        lost = stored_content(connection.execute(select(Checkpoint)).one())
    agent.artifacts.files.remove(names(agent).pop())
    assert agent.assignments._load_checkpoint(claim, lost) is None
    assert harness.run(id_).epoch == 1


def test_replaced_checkpoints_and_the_last_one_are_removed(harness: Harness, agent: Agent) -> None:
    harness.submit(IRIS)
    lease = start(agent)
    checkpoints = [CheckpointTaken(number, 1, LARGE + bytes([number])) for number in (1, 2, 3)]
    send(agent, lease, epoch(1), checkpoints[0], epoch(2), checkpoints[1], epoch(3), checkpoints[2])
    assert len(names(agent)) == 1
    send(agent, lease, Succeeded(1, b"model"))
    assert names(agent) == set()


def test_a_real_worker_stores_artifacts_and_another_resumes(harness: Harness, settings: Settings) -> None:
    experiment_id = harness.submit(long_spec())
    first, second = (Agent(harness.database, harness.registry, settings) for _ in range(2))
    first.start()
    harness.wait(experiment_id, lambda run: _has_artifact(harness, run.id))
    first.stop()
    assert harness.run(experiment_id).status == "queued"
    second.start()
    harness.wait_for_end(experiment_id)
    second.stop()
    run = harness.run(experiment_id)
    assert (run.status, run.attempt, run.deaths) == ("succeeded", 2, 0)
    assert harness.figures(run) == harness.undisturbed(long_spec())
    with harness.database.read() as connection:
        stored = dict(connection.execute(select(Checkpoint.kind, Checkpoint.artifact)).all())
    assert set(stored) == {"model", "row_results"}
    assert ArtifactStore(settings.artifacts_url).files.names("checkpoints") == set(stored.values())


def _has_artifact(harness: Harness, run_id: int) -> bool:
    mine = select(Checkpoint.artifact).where(Checkpoint.run_id == run_id)
    with harness.database.read() as connection:
        return connection.scalar(mine) is not None
