"""The agent with real worker processes, which are killed, cancelled or out of memory: the stored runs are right."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.agent.agent import Agent
from service.settings import Settings
from tests.harness import IRIS, Harness
from tests.service.agent.threads import Start, agents_in_threads
from tests.slow_runs import endless_spec, long_spec

LARGE_STEP = {
    "dataset": {"name": "synthetic", "counts": [30_000, 30_000], "features": 256},
    "model": {"hidden": [2048]},
    "training": {"epochs": 10_000, "batch_size": 40_000},
}
"""A spec whose training steps take seconds."""


@pytest.fixture
def start(harness: Harness, settings: Settings) -> Iterator[Start]:
    """Start agents in threads, with changed settings; they are stopped at the end."""
    with agents_in_threads(harness, settings) as (start, agents):
        yield start
        for process in (process for agent in agents for process in children(agent)):
            os.kill(process, signal.SIGKILL)


def children(agent: Agent) -> list[int]:
    """The ids of an agent's worker processes."""
    return [child.process.pid for child in agent.pool._children.values() if child.process.pid]


def kill(agent: Agent) -> None:
    (process,) = children(agent)
    os.kill(process, signal.SIGKILL)


def test_the_stored_figures_are_those_of_the_training(harness: Harness, start: Start) -> None:
    start()
    spec = IRIS | {"seeds": [0, 7]}
    id_ = harness.submit(spec)
    experiment = harness.wait_for_end(id_)
    assert experiment.status == "succeeded"
    assert [baseline["name"] for baseline in experiment.baselines] == ["linear"]
    for run in harness.runs(id_):
        assert (run.status, run.attempt, run.deaths, run.epoch) == ("succeeded", 1, 0, 3)
        assert harness.figures(run) == harness.undisturbed(spec, seed=run.seed)


def test_a_worker_that_is_killed_is_replaced_and_the_figures_are_those_of_an_undisturbed_run(
    harness: Harness, start: Start
) -> None:
    agent = start(checkpoint_seconds=0.1)
    id_ = harness.submit(long_spec())
    for epoch in (2, 5):
        harness.wait_for_epoch(id_, epoch)
        kill(agent)
    harness.wait_for_end(id_)
    run = harness.run(id_)
    assert (run.status, run.deaths, run.attempt) == ("succeeded", 2, 3)
    assert harness.figures(run) == harness.undisturbed(long_spec())


def test_a_run_that_kills_every_worker_is_lost(harness: Harness, start: Start) -> None:
    agent = start(max_attempts=2)
    id_ = harness.submit(endless_spec())
    for attempt in (1, 2):
        harness.wait_for_attempt(id_, attempt)
        harness.wait(id_, lambda _: children(agent))
        kill(agent)
    assert harness.wait_for_end(id_).status == "failed"
    assert (harness.run(id_).cause, harness.run(id_).deaths) == ("lost", 2)


@pytest.mark.parametrize("steps", ["short", "long"])
def test_a_cancelled_run_stops_within_two_seconds_and_keeps_its_epochs(
    harness: Harness, start: Start, steps: str
) -> None:
    agent = start()
    id_ = harness.submit(LARGE_STEP if steps == "long" else endless_spec())
    harness.wait(id_, lambda run: children(agent) and (run.epoch >= 1 or steps == "long"))
    time.sleep(0.5)
    process = children(agent)[0]
    started = time.monotonic()
    harness.cancel(id_)
    assert harness.wait_for_end(id_).status == "cancelled"
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() - started < 2
        time.sleep(0.01)
    assert time.monotonic() - started < 2
    run = harness.run(id_)
    assert (run.status, run.deaths) == ("cancelled", 0)
    assert len(harness.figures(run)) == 4 * run.epoch
    assert steps == "long" or run.epoch >= 1


def test_a_stop_releases_the_run_with_a_checkpoint_within_the_epoch_and_counts_no_death(
    harness: Harness, start: Start
) -> None:
    first = start()
    id_ = harness.submit(long_spec())
    harness.wait_for_epoch(id_, 2)
    started = time.monotonic()
    first.stop()
    assert time.monotonic() - started < 10
    run = harness.run(id_)
    assert (run.status, run.deaths, run.agent) == ("queued", 0, None)
    assert run.epoch >= 2
    start()
    harness.wait_for_end(id_)
    run = harness.run(id_)
    assert (run.status, run.deaths, run.attempt) == ("succeeded", 0, 2)
    assert harness.figures(run) == harness.undisturbed(long_spec())


def test_a_run_that_takes_too_long_fails_and_keeps_its_epochs(harness: Harness, start: Start) -> None:
    start()
    id_ = harness.submit(endless_spec(max_seconds=1.5))
    assert harness.wait_for_end(id_).status == "failed"
    run = harness.run(id_)
    assert (run.cause, run.deaths) == ("timeout", 0)
    assert 1.5 <= run.worked_seconds < 5
    assert run.epoch >= 1


def test_a_run_that_fails_can_be_retried(harness: Harness, start: Start) -> None:
    start(checkpoint_seconds=0.1)
    id_ = harness.submit(long_spec(epochs=12, max_seconds=1.0))
    while harness.wait_for_end(id_).status == "failed":
        before = harness.run(id_)
        assert before.cause == "timeout"
        assert harness.retry(id_) == 1
        harness.wait_for_attempt(id_, before.attempt + 1)
    run = harness.run(id_)
    assert run.status == "succeeded"
    assert run.attempt > 1
    assert harness.figures(run) == harness.undisturbed(long_spec(epochs=12))


def test_a_worker_that_allocates_too_much_fails_its_run(harness: Harness, start: Start) -> None:
    start(worker_memory_bytes=400_000_000)
    id_, modest = harness.submit(LARGE_STEP), harness.submit(IRIS)
    assert harness.wait_for_end(id_).status == "failed"
    run = harness.run(id_)
    assert (run.cause, run.message) == ("out_of_memory", "a worker process may allocate 400,000,000 bytes")
    assert harness.wait_for_end(modest).status == "succeeded"


def test_an_error_in_a_worker_fails_its_run_and_no_other(
    harness: Harness, start: Start, settings: Settings
) -> None:
    """The file of the training rows is damaged after it was prepared."""
    dataset = {"name": "synthetic", "counts": [31, 17], "features": 3}
    id_ = harness.submit(IRIS | {"dataset": dataset})
    spec = harness.experiment(id_).spec
    folder = harness.parts_folder(spec)
    (folder / "train" / "features.npy").write_bytes(b"nothing")
    start()
    other = harness.submit(IRIS)
    assert harness.wait_for_end(id_).status == "failed"
    run = harness.run(id_)
    assert (run.cause, run.deaths, run.attempt) == ("error", 0, 1)
    assert "ValueError" in run.message
    assert harness.wait_for_end(other).status == "succeeded"


def test_a_worker_in_the_middle_of_a_long_run_does_not_delay_other_runs(
    harness: Harness, start: Start
) -> None:
    agent = start()
    harness.submit(endless_spec())
    id_ = harness.submit(IRIS)
    assert harness.wait_for_end(id_).status == "succeeded"
    assert len(children(agent)) == 1
