"""A job takes the place of a run: neither a full queue of runs nor one of jobs holds up the other."""

import pytest

from service.agent.agent import MOST_AHEAD, Agent
from service.settings import Settings
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import ScriptedPool, epoch
from tests.service.agent.scripted.script import start
from workers.processes.messages import Succeeded

END = Succeeded(1, b"model")


@pytest.fixture
def lone(harness: Harness, settings: Settings, pool: ScriptedPool) -> Agent:
    """An agent with one process."""
    return Agent(harness.database, harness.registry, settings.model_copy(update={"workers": 1}), pool)


def end_first(agent: Agent, pool: ScriptedPool) -> None:
    """Let the first run that has a process succeed, and start what is prepared."""
    lease = next(lease for lease, run in agent.runs.items() if run.is_training)
    pool.add(lease, epoch(1), END)
    agent.flushed_at = 0.0
    agent.tick()
    for run in agent.runs.values():
        run.assignment.exception(timeout=10)
    agent.start_prepared()


def training(agent: Agent) -> int:
    return sum(run.is_training for run in agent.runs.values())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_gets_the_place_of_a_run_however_many_short_runs_wait(
    harness: Harness, settings: Settings, pool: ScriptedPool, workers: int
) -> None:
    agent = Agent(harness.database, harness.registry, settings.model_copy(update={"workers": workers}), pool)
    harness.submit(IRIS | {"seeds": list(range(9 * MOST_AHEAD))})
    for _ in range(workers):
        start(agent)
    end_first(agent, pool)
    assert len(agent.runs) > workers, "none was claimed ahead"
    agent.jobs.waits = True
    for _ in range(workers * (1 + MOST_AHEAD)):  # at most all that was claimed before
        if len(agent.runs) >= workers:
            end_first(agent, pool)
    assert len(agent.runs) == training(agent) == workers - 1
    agent.jobs.waits, agent.jobs.works = False, True
    agent.tick()
    assert training(agent) == workers - 1
    agent.jobs.works = False
    agent.tick()
    for run in agent.runs.values():
        run.assignment.exception(timeout=10)
    agent.start_prepared()
    assert training(agent) == workers


def test_a_run_that_was_claimed_while_a_job_took_its_place_is_given_back(
    harness: Harness, lone: Agent, pool: ScriptedPool
) -> None:
    id_ = harness.submit(IRIS)
    assert lone.claim()
    (run,) = lone.runs.values()
    run.assignment.exception(timeout=10)
    lone.jobs.works = True
    lone.start_prepared()
    assert not pool.started
    run.claimed_at -= 2
    lone.tick()
    assert (harness.run(id_).status, harness.run(id_).deaths) == ("queued", 0)


def test_a_claimed_run_lets_the_next_job_have_its_turn(harness: Harness, lone: Agent) -> None:
    harness.submit(IRIS)
    lone.jobs.owes_a_turn = True
    start(lone)
    assert not lone.jobs.owes_a_turn
