"""Reports on corrupted rows by real agents and worker processes, which are killed, stopped and cancelled midway."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import OperationalError

from service.agent.agent import Agent
from service.experiments import robustness
from service.jobs.assignments import JobAssignmentBuilder
from service.jobs.runner import JobRunner
from service.notifiers import PollingNotifier
from service.settings import Settings
from service.start_failures import MOST_FAILED_STARTS
from service.store import jobs
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.jobs import JobClaim
from service.store.tables import Checkpoint, Job, JobKind, JobStep
from tests.harness import IRIS, Harness
from tests.service.agent.threads import Start, agents_in_threads
from workers.corruptions.choice import Robustness
from workers.data.errors import DatasetError
from workers.jobs.messages import JobAssignment, JobFailed, JobSucceeded, StepDone
from workers.jobs.process import events

KIND: JobKind = "robustness"
SLOW = {
    "dataset": {"name": "synthetic", "counts": [6000, 6000], "features": 64},
    "split": {"train": 0.1, "validation": 0.8, "test": 0.1},
    "model": {"hidden": [1024, 256]},
    "training": {"epochs": 1, "batch_size": 256},
}
"""A model that predicts for long enough to be interrupted."""
ELEVEN_STEPS = ("noise", "wrong_units")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The transitions are tested on both databases in tests/service/store/test_jobs.py."""
    return sqlite_url


@pytest.fixture
def start(harness: Harness, settings: Settings) -> Iterator[Start]:
    with agents_in_threads(harness, settings) as (start, _):
        yield start


def trained(harness: Harness, start: Start, spec: dict[str, Any]) -> tuple[int, Agent]:
    agent = start()
    id_ = harness.submit(spec)
    assert harness.wait_for_end(id_).status == "succeeded"
    return id_, agent


def request(harness: Harness, id_: int, **wanted: Any) -> None:
    with harness.database.write() as connection:
        robustness.request(connection, id_, "me", Robustness(**wanted), PollingNotifier(), max_queued=10)


def read(harness: Harness, id_: int) -> Row[Any]:
    with harness.database.read() as connection:
        return jobs.read(connection, id_, KIND)


def wait(harness: Harness, id_: int, until: Callable[[Row[Any]], object]) -> Row[Any]:
    deadline = time.monotonic() + 60
    while not until(job := read(harness, id_)):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    return job


def wait_for_end(harness: Harness, id_: int) -> Row[Any]:
    return wait(harness, id_, lambda job: job.finished_at)


def assignment(harness: Harness, settings: Settings) -> JobAssignment:
    """That of the next job, which is claimed."""
    with harness.database.write() as connection:
        claim = jobs.claim(connection, lease_seconds=60, max_deaths=5)
    assert claim is not None
    artifacts = ArtifactStore(settings.artifacts_url)
    return JobAssignmentBuilder(harness.database, harness.registry, settings, artifacts).build(claim)


def test_a_spec_that_asks_for_the_report_gets_it_at_the_end(harness: Harness, start: Start) -> None:
    id_, _ = trained(harness, start, IRIS | {"seeds": [0, 1], "robustness": True})
    job = wait_for_end(harness, id_)
    assert (job.status, job.message) == ("succeeded", None)
    assert job.done == job.total == len(job.result["items"]) + 1 == 4 * 5 + 1
    assert [run["seed"] for run in job.result["runs"]] == [0, 1]
    assert job.result["clean"]["figures"][0]["value"] > job.result["mean"]["figures"][0]["value"]
    with harness.database.read() as connection:
        assert connection.execute(select(JobStep)).all() == []


def test_a_spec_without_it_gets_none(harness: Harness, start: Start) -> None:
    trained(harness, start, IRIS)
    with harness.database.read() as connection:
        assert not jobs.has_work(connection)


def test_what_is_left_of_a_job_gives_the_same_report(
    harness: Harness, start: Start, settings: Settings
) -> None:
    id_, agent = trained(harness, start, IRIS | {"robustness": {"corruptions": ["noise", "wrong_units"]}})
    whole = wait_for_end(harness, id_)
    agent.stop()
    request(harness, id_, corruptions=("wrong_units", "noise"))  # another request, the same work
    given = assignment(harness, settings)
    all_steps = [each for each in events(given) if isinstance(each, StepDone)]
    stored = {each.step: each.content for each in all_steps if each.step in (0, 3, 7)}
    rest = list(events(JobAssignment(**{**vars(given), "steps": stored})))
    assert [each.step for each in rest if isinstance(each, StepDone)] == [
        step for step in range(11) if step not in stored
    ]
    last = rest[-1]
    assert isinstance(last, JobSucceeded)
    assert last.result == whole.result


def test_a_killed_process_is_replaced_and_continues(harness: Harness, start: Start) -> None:
    id_, agent = trained(harness, start, SLOW)
    request(harness, id_, corruptions=ELEVEN_STEPS)
    agent.wake()
    wait(harness, id_, lambda job: job.done >= 2)
    before = read(harness, id_).done
    for process in _processes_of(agent):
        os.kill(process, signal.SIGKILL)
    job = wait_for_end(harness, id_)
    assert (job.status, job.attempt) == ("succeeded", 2)
    assert job.done == job.total > before


def test_a_stopped_agent_gives_the_job_back_and_the_next_one_continues(
    harness: Harness, start: Start
) -> None:
    id_, agent = trained(harness, start, SLOW)
    request(harness, id_, corruptions=ELEVEN_STEPS)
    agent.wake()
    wait(harness, id_, lambda job: job.done >= 2)
    stopped_at = time.monotonic()
    agent.stop()
    assert time.monotonic() - stopped_at < 5
    job = read(harness, id_)
    assert (job.status, job.deaths) == ("queued", 0)
    assert job.done >= 2
    start()
    job = wait_for_end(harness, id_)
    assert (job.status, job.attempt, job.deaths) == ("succeeded", 2, 0)


def test_a_cancelled_job_stops_and_keeps_its_steps(harness: Harness, start: Start) -> None:
    id_, agent = trained(harness, start, SLOW)
    request(harness, id_, corruptions=ELEVEN_STEPS)
    agent.wake()
    wait(harness, id_, lambda job: job.done >= 1)
    with harness.database.write() as connection:
        jobs.request_cancel(connection, id_, KIND)
    job = wait_for_end(harness, id_)
    assert job.status == "cancelled"
    assert not _processes_of(agent) or wait(harness, id_, lambda _: not _processes_of(agent))
    request(harness, id_, corruptions=ELEVEN_STEPS)
    agent.wake()
    again = wait(harness, id_, lambda each: each.status == "running" or each.finished_at)
    assert again.done >= job.done >= 1


def test_while_a_job_waits_the_agent_claims_no_run_for_its_place(
    harness: Harness, settings: Settings
) -> None:
    agent = Agent(harness.database, harness.registry, settings.model_copy(update={"workers": 1}))
    assert not agent.is_full
    agent.jobs.waits = True
    assert agent.is_full
    agent.stop()


def test_with_one_process_jobs_and_runs_take_turns(harness: Harness, settings: Settings) -> None:
    first, second = queued(harness), queued(harness)  # their runs stay queued
    one = settings.model_copy(update={"workers": 1})
    runner = JobRunner(harness.database, one, raising(DatasetError("gone")), lambda: True)
    assert runner.work()
    assert not runner.work()
    assert [read(harness, id_).status for id_ in (first, second)] == ["failed", "queued"]
    runner.run_claimed()
    assert runner.work()
    assert read(harness, second).status == "failed"


def test_a_job_without_its_data_set_or_with_an_error_fails_with_a_sentence(
    harness: Harness, start: Start, settings: Settings
) -> None:
    id_, agent = trained(harness, start, IRIS)
    agent.stop()
    request(harness, id_)
    given = assignment(harness, settings)
    broken = JobAssignment(**{**vars(given), "request": {"corruptions": ["unseen_levels"]}})
    (failed,) = events(broken)
    assert isinstance(failed, JobFailed)
    assert "none of the columns" in failed.message
    (failed,) = events(JobAssignment(**{**vars(given), "spec": "{"}))
    assert isinstance(failed, JobFailed)
    assert failed.cause == "error"

    with harness.database.write() as connection:
        job = jobs.read(connection, id_, KIND)
        jobs.release(connection, jobs.JobLease(job.id, job.claim_token))
    no_data = raising(DatasetError("the data set is gone"))
    assert JobRunner(harness.database, settings, no_data, lambda: True).work()
    job = read(harness, id_)
    assert (job.status, job.cause, job.message) == ("failed", "dataset_missing", "the data set is gone")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        BlobStoreUnavailable(),
        OSError(24, "Too many open files"),
        OperationalError("", {}, Exception("the database is away")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_says_nothing_about_a_job_gives_it_back_without_a_death(
    harness: Harness, settings: Settings, error: Exception
) -> None:
    id_ = queued(harness)
    with pytest.raises(type(error)):
        JobRunner(harness.database, settings, raising(error), lambda: True).work()
    job = read(harness, id_)
    assert (job.status, job.deaths, job.claim_token) == ("queued", 0, None)


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (MemoryError(), "failed", "out_of_memory"),
        (PermissionError("no"), "failed", "error"),
        (BlobStoreUnavailable(), "queued", None),
        (OSError(28, "No space left on device"), "queued", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_a_job_that_can_never_be_started_holds_up_no_other_and_fails_unless_all_would(
    harness: Harness, settings: Settings, error: Exception, status: str, cause: str | None
) -> None:
    first, second = queued(harness), queued(harness)

    def build(claim: JobClaim) -> Any:
        raise error if claim.experiment_id == first else DatasetError("it had its turn")

    runner = JobRunner(harness.database, settings, build, lambda: True)
    with pytest.raises(type(error)):
        runner.work()
    assert runner.work()
    assert (read(harness, first).status, read(harness, second).status) == ("queued", "failed")
    with harness.database.write() as connection:
        connection.execute(update(Job).values(failed_starts=MOST_FAILED_STARTS - 1))
    with pytest.raises(type(error)):
        runner.work()
    job = read(harness, first)
    assert (job.status, job.cause, job.deaths, job.finished_at is None) == (status, cause, 0, cause is None)


def test_an_unexpected_error_ends_the_job_with_a_sentence(harness: Harness, settings: Settings) -> None:
    id_ = queued(harness)
    assert JobRunner(harness.database, settings, raising(KeyError("a bug")), lambda: True).work()
    job = read(harness, id_)
    assert (job.status, job.cause, job.message) == ("failed", "error", "KeyError: 'a bug'")


def queued(harness: Harness) -> int:
    """An experiment with a model that nothing can read, and a queued job."""
    id_ = harness.submit(IRIS)
    with harness.database.write() as connection:
        values = {"run_id": harness.run(id_).id, "kind": "model", "epoch": 1, "sha256": "", "content": b""}
        connection.execute(insert(Checkpoint).values(**values, created_at=0.0))
    request(harness, id_)
    return id_


def raising(error: Exception) -> Callable[[JobClaim], Any]:
    """Cannot build an assignment."""

    def build(_: JobClaim) -> Any:
        raise error

    return build


def _processes_of(agent: Agent) -> list[int]:
    """The process of the job that the agent carries out, if any."""
    process = agent.jobs.process_id
    return [] if process is None else [process]
