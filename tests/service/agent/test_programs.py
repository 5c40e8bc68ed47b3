"""Agents as programs: they are killed, frozen or stopped, and another agent, in this process, takes over."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.agent.agent import Agent
from service.settings import Settings
from service.store import queue
from tests.harness import Harness
from tests.service_process import ForkedService, all_ended
from tests.slow_runs import SHORTEST, long_spec

LEASE_SECONDS = 2.0
TIMES = {"lease_seconds": LEASE_SECONDS, "checkpoint_seconds": 0.2}
Start = Callable[[], ForkedService]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start agents with one worker each and short leases; they are killed at the end."""
    programs: list[ForkedService] = []

    def start() -> ForkedService:
        program = ForkedService(
            "worker",
            "--workers=1",
            data_dir=settings.data_dir,
            log=tmp_path / f"agent{len(programs)}.log",
            database_url=settings.url,
            **TIMES,
        )
        programs.append(program)
        return program

    yield start
    for program in programs:
        program.end()


@pytest.fixture
def successor(harness: Harness, settings: Settings) -> Iterator[Agent]:
    """An agent that can take a run over once it is started."""
    agent = Agent(harness.database, harness.registry, settings.model_copy(update=TIMES))
    yield agent
    agent.stop()


def wait_until_ready(agent: Agent) -> None:
    deadline = time.monotonic() + 60
    while not agent.pool.is_ready and time.monotonic() < deadline:
        time.sleep(0.05)
    assert agent.pool.is_ready


def test_the_workers_of_a_killed_agent_exit_and_its_run_is_taken_over_after_the_lease(
    harness: Harness, start: Start, successor: Agent
) -> None:
    first = start()
    wait_until_ready(successor)
    id_ = harness.submit(long_spec())
    harness.wait_for_epoch(id_, 2)
    left = first.descendants()
    assert first.workers()
    first.signal(signal.SIGKILL)
    killed = time.monotonic()
    successor.start()
    assert all_ended(left, within=2)
    harness.wait_for_attempt(id_, 2)
    assert time.monotonic() - killed < LEASE_SECONDS + 1
    assert harness.wait_for_end(id_).status == "succeeded"
    run = harness.run(id_)
    assert (run.deaths, run.attempt) == (1, 2)
    assert harness.figures(run) == harness.undisturbed(long_spec())


def test_a_killed_agent_costs_only_the_run_that_its_process_had_begun_an_attempt(
    harness: Harness, start: Start
) -> None:
    """While runs are short, an agent leases a second one for its process."""
    id_ = harness.submit(SHORTEST | {"seeds": list(range(100))})
    agent = start()
    deadline = time.monotonic() + 60
    while not any(run.claimed_ahead for run in harness.runs(id_)):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    agent.end()
    leased = [run for run in harness.runs(id_) if run.status == "running"]
    time.sleep(LEASE_SECONDS)
    with harness.database.write() as connection:
        queue.claim(connection, agent="heir", lease_seconds=LEASE_SECONDS, max_deaths=5)
    deaths = {run.id: run.deaths for run in harness.runs(id_)}
    assert len(leased) <= 2
    assert deaths == dict.fromkeys(deaths, 0) | {run.id: int(not run.claimed_ahead) for run in leased}


def test_an_agent_that_was_frozen_beyond_its_lease_changes_nothing_when_it_continues(
    harness: Harness, start: Start, successor: Agent
) -> None:
    frozen = start()
    id_ = harness.submit(long_spec())
    harness.wait_for_epoch(id_, 2)
    workers = frozen.workers()
    frozen.signal(signal.SIGSTOP)
    successor.start()
    harness.wait_for_attempt(id_, 2)
    frozen.signal(signal.SIGCONT)
    assert all_ended(workers, within=3)
    assert harness.wait_for_end(id_).status == "succeeded"
    run = harness.run(id_)
    assert (run.deaths, run.attempt) == (1, 2)
    assert harness.figures(run) == harness.undisturbed(long_spec())
    assert "no longer belongs to this agent" in frozen.log.read_text()


@pytest.mark.parametrize(
    ("database_url", "to", "number"),
    [
        ("sqlite", "the program", signal.SIGTERM),
        pytest.param("sqlite", "the program", signal.SIGHUP, marks=pytest.mark.thorough),
        pytest.param("postgresql", "all its processes", signal.SIGTERM, marks=pytest.mark.thorough),
        pytest.param("postgresql", "all its processes", signal.SIGHUP, marks=pytest.mark.thorough),
    ],
    indirect=["database_url"],
)
def test_an_agent_that_is_told_to_stop_releases_its_run_and_leaves_no_process_behind(
    harness: Harness, start: Start, successor: Agent, to: str, number: signal.Signals
) -> None:
    """A terminal that is closed sends SIGHUP to all processes."""
    first = start()
    id_ = harness.submit(long_spec())
    harness.wait_for_epoch(id_, 2)
    processes = [first.id, *first.descendants()]
    stopped_at = time.monotonic()
    if to == "the program":
        first.signal(number)
    else:
        os.killpg(first.id, number)
    assert first.wait(10) == 0
    assert time.monotonic() - stopped_at < 10
    assert all_ended(processes, within=3)
    run = harness.run(id_)
    assert (run.status, run.deaths, run.agent) == ("queued", 0, None)
    successor.start()
    assert harness.wait_for_end(id_).status == "succeeded"
    run = harness.run(id_)
    assert run.deaths == 0
    assert harness.figures(run) == harness.undisturbed(long_spec())
