"""Workers that die: where the next one resumes, and when there is no next one."""

from dataclasses import replace

import pytest

from service.agent.agent import Agent
from service.settings import Settings
from service.store import queue
from service.store.artifacts.artifact_store import ArtifactMissing
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import checkpoints_of, epochs_of, send, start
from workers.processes.messages import CheckpointTaken, Died


def test_a_resumed_run_starts_from_its_checkpoint(
    harness: Harness, agent: Agent, pool: ScriptedPool, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), epoch(2), Died(-9))
    assert epochs_of(harness, id_) == [(0, 1), (0, 2)]
    assert caplog.messages == [f"the worker of run {lease.run_id} died, exit code -9"]
    again = start(agent)
    assert pool.started[again].checkpoint == b"one"
    assert epochs_of(harness, id_) == [(0, 1)]
    run = harness.run(id_)
    assert (run.epoch, run.best_epoch, run.training_seconds, run.deaths) == (1, 1, 0.5, 1)


@pytest.mark.parametrize("lost_meanwhile", [False, True])
def test_a_run_whose_checkpoint_is_lost_starts_over(
    harness: Harness,
    agent: Agent,
    pool: ScriptedPool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lost_meanwhile: bool,
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, epoch(1), CheckpointTaken(1, 1, b"one"), Died(-9))

    def missing(_: object) -> bytes:
        if lost_meanwhile:
            with harness.database.write() as connection:
                queue.release(connection, replace(lease, attempt=2, token=harness.run(id_).claim_token))
        raise ArtifactMissing("one", "there")

    with monkeypatch.context() as patch:
        patch.setattr(agent.artifacts, "load", missing)
        again = start(agent)
    assert pool.started[again].checkpoint is None
    assert caplog.messages[-1] == f"run {lease.run_id} starts over: There is no artifact one in there."
    assert harness.run(id_).epoch == (1 if lost_meanwhile else 0)
    assert epochs_of(harness, id_) == ([(0, 1)] if lost_meanwhile else [])
    assert len(checkpoints_of(harness, lease.run_id)) == lost_meanwhile


def test_a_checkpoint_of_a_later_epoch_forgives_the_deaths_before_it(
    harness: Harness, agent: Agent, settings: Settings
) -> None:
    id_ = harness.submit(IRIS)
    for number in range(1, settings.max_attempts + 2):
        send(agent, start(agent), epoch(number), CheckpointTaken(number, 1, b"state"), Died(-9))
    assert (harness.run(id_).status, harness.run(id_).deaths) == ("queued", settings.max_attempts + 1)
    for _ in range(settings.max_attempts - 1):
        assert harness.run(id_).status == "queued"
        send(agent, start(agent), CheckpointTaken(number, 1, b"the same epoch"), Died(-9))
    assert harness.run(id_).cause == "lost"


def test_too_many_deaths_lose_a_run(harness: Harness, agent: Agent, settings: Settings) -> None:
    id_ = harness.submit(IRIS)
    for _ in range(settings.max_attempts):
        assert harness.run(id_).status == "queued"
        send(agent, start(agent), Died(-9))
    run = harness.run(id_)
    assert (run.status, run.cause) == ("failed", "lost")
    assert not agent.claim()
