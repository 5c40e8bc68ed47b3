"""The queue of jobs on both databases: every transition, and what a lost lease may still do."""

from typing import Any

import pytest
from sqlalchemy import Row, delete, insert, select, update

from service.store import jobs
from service.store.database import Database
from service.store.engine.clock import now
from service.store.errors import JobOver, NoModel, UnknownExperiment, UnknownJob
from service.store.jobs import JobClaim
from service.store.tables import Checkpoint, Experiment, Job, JobKind, JobStep, Run
from tests.service.store.experiments import QueueHarness

KIND: JobKind = "robustness"
ALL: dict[str, Any] = {"corruptions": None}


@pytest.fixture
def experiment(harness: QueueHarness, database: Database) -> int:
    """An experiment with a model of one run."""
    id_ = harness.submit(seeds=[0])
    add_model(database, id_, "aa")
    return id_


def add_model(database: Database, experiment_id: int, sha256: str) -> None:
    with database.write() as connection:
        run = connection.scalars(select(Run.id).where(Run.experiment_id == experiment_id)).one()
        connection.execute(delete(Checkpoint).where(Checkpoint.run_id == run))
        values = {"run_id": run, "kind": "model", "epoch": 1, "sha256": sha256, "content": b"m"}
        connection.execute(insert(Checkpoint).values(**values, created_at=now()))


def request(
    database: Database, experiment_id: int, wanted: dict[str, Any] = ALL, *, owner: str = "me"
) -> bool:
    with database.write() as connection:
        return jobs.request(connection, experiment_id, KIND, owner, wanted)


def claim(database: Database, *, max_deaths: int = 2) -> JobClaim | None:
    with database.write() as connection:
        return jobs.claim(connection, lease_seconds=60, max_deaths=max_deaths)


def claimed(database: Database) -> JobClaim:
    found = claim(database)
    assert found is not None
    return found


def job(database: Database, experiment_id: int) -> Row[Any]:
    with database.read() as connection:
        return jobs.read(connection, experiment_id, KIND)


def store(database: Database, found: JobClaim, steps: dict[int, bytes], total: int | None = None) -> bool:
    with database.write() as connection:
        if jobs.renew(connection, found.lease, 60) is None:
            return False
        jobs.store_steps(connection, found.lease, steps, total)
        return True


def expire(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(Job).values(lease_until=now() - 1))


def test_a_job_goes_from_the_queue_to_its_result(database: Database, experiment: int) -> None:
    assert request(database, experiment)
    found = claimed(database)
    assert (found.kind, found.experiment_id, found.request, found.steps) == (KIND, experiment, ALL, {})
    assert store(database, found, {0: b"zero", 1: b"one"}, 3)
    row = job(database, experiment)
    assert (row.status, row.done, row.total, row.attempt) == ("running", 2, 3, 1)
    with database.write() as connection:
        assert jobs.finish(connection, found.lease, "succeeded", result={"a": 1})
    row = job(database, experiment)
    assert (row.status, row.result, row.done) == ("succeeded", {"a": 1}, 2)
    with database.read() as connection:
        assert connection.execute(select(JobStep)).all() == []
    assert claim(database) is None
    assert not request(database, experiment), "the same work was queued again"


def test_the_same_request_changes_nothing_while_the_job_is_queued_or_runs(
    database: Database, experiment: int
) -> None:
    request(database, experiment)
    assert not request(database, experiment)
    found = claimed(database)
    assert not request(database, experiment)
    assert store(database, found, {0: b""})


def test_another_request_or_other_models_take_the_place_of_a_running_job(
    database: Database, experiment: int
) -> None:
    request(database, experiment)
    first = claimed(database)
    store(database, first, {0: b"old"}, 2)
    assert request(database, experiment, {"corruptions": ["blur"]})
    assert not store(database, first, {1: b"old"}), "the old worker still writes"
    second = claimed(database)
    assert (second.steps, second.request) == ({}, {"corruptions": ["blur"]})
    add_model(database, experiment, "bb")
    assert request(database, experiment, {"corruptions": ["blur"]})
    with database.write() as connection:
        assert not jobs.finish(connection, second.lease, "succeeded", result={})


def test_after_a_death_the_next_attempt_has_the_stored_steps(database: Database, experiment: int) -> None:
    request(database, experiment)
    first = claimed(database)
    store(database, first, {0: b"zero", 2: b"two"}, 5)
    expire(database)
    second = claimed(database)
    assert second.steps == {0: b"zero", 2: b"two"}
    assert not store(database, first, {3: b"late"})
    with database.write() as connection:
        assert jobs.record_death(connection, second.lease, max_deaths=2)
    row = job(database, experiment)
    assert (row.status, row.cause) == ("failed", "lost")
    assert request(database, experiment), "a failed job cannot be continued"
    third = claimed(database)
    assert third.steps == {0: b"zero", 2: b"two"}
    row = job(database, experiment)
    assert (row.status, row.cause, row.deaths, row.attempt) == ("running", None, 0, 3)


def test_a_new_step_forgives_earlier_deaths(database: Database, experiment: int) -> None:
    request(database, experiment)
    for step in range(5):
        found = claimed(database)
        store(database, found, {step: b""})
        expire(database)
    assert job(database, experiment).deaths <= 1


def test_a_stop_counts_no_death_and_a_cancellation_ends_the_job(database: Database, experiment: int) -> None:
    request(database, experiment)
    found = claimed(database)
    with database.write() as connection:
        jobs.release(connection, found.lease)
    assert (job(database, experiment).status, job(database, experiment).deaths) == ("queued", 0)
    found = claimed(database)
    with database.write() as connection:
        jobs.request_cancel(connection, experiment, KIND)
        assert jobs.renew(connection, found.lease, 60) is True
        jobs.release(connection, found.lease)
    assert job(database, experiment).status == "cancelled"
    with database.write() as connection, pytest.raises(JobOver):
        jobs.request_cancel(connection, experiment, KIND)
    request(database, experiment)
    with database.write() as connection:
        jobs.request_cancel(connection, experiment, KIND)
    assert job(database, experiment).status == "cancelled"
    assert claim(database) is None


def test_a_job_that_could_not_be_started_goes_behind_the_others_until_a_step_is_stored(
    database: Database, harness: QueueHarness, experiment: int
) -> None:
    other = harness.submit(seeds=[0])
    add_model(database, other, "bb")
    request(database, experiment)
    request(database, other)
    first = claimed(database)
    with database.write() as connection:
        assert jobs.give_back(connection, first.lease, cause="error", message="no", most=2)
        assert not jobs.give_back(connection, first.lease, cause="error", message="no", most=2)
    assert (first.experiment_id, claimed(database).experiment_id) == (experiment, other)
    again = claimed(database)
    assert store(database, again, {0: b""})
    assert job(database, experiment).failed_starts == 0
    with database.write() as connection:
        jobs.give_back(connection, again.lease, cause="error", message="no", most=1)
    row = job(database, experiment)
    assert (row.status, row.cause, row.message, row.deaths) == ("failed", "error", "no", 0)
    assert request(database, experiment)
    assert job(database, experiment).failed_starts == 0


def test_owners_take_turns(database: Database, harness: QueueHarness) -> None:
    owners = {}
    for number, owner in enumerate(["many", "many", "many", "few", "many", "another"]):
        id_ = harness.submit(seeds=[0])
        add_model(database, id_, str(number))
        request(database, id_, owner=owner)
        owners[id_] = owner
    claims = [claimed(database).experiment_id for _ in owners]
    assert [owners[id_] for id_ in claims] == ["many", "few", "another", "many", "many", "many"]
    assert sorted(claims) == sorted(owners)


def test_a_job_that_is_given_back_and_cancelled_is_cancelled(database: Database, experiment: int) -> None:
    request(database, experiment)
    found = claimed(database)
    with database.write() as connection:
        jobs.request_cancel(connection, experiment, KIND)
        jobs.give_back(connection, found.lease, cause="error", message="no", most=1)
    assert (job(database, experiment).status, job(database, experiment).cause) == ("cancelled", None)


def test_requests_that_do_not_fit(database: Database, harness: QueueHarness) -> None:
    with pytest.raises(UnknownExperiment):
        request(database, 999)
    id_ = harness.submit(seeds=[0])
    with pytest.raises(NoModel):
        request(database, id_)
    with database.read() as connection:
        with pytest.raises(UnknownJob):
            jobs.read(connection, id_, KIND)
        with pytest.raises(UnknownExperiment):
            jobs.read(connection, 999, KIND)


def test_a_deleted_experiment_takes_its_job_along(database: Database, experiment: int) -> None:
    request(database, experiment)
    found = claimed(database)
    store(database, found, {0: b"zero"})
    with database.write() as connection:
        connection.execute(delete(Experiment).where(Experiment.id == experiment))
        assert jobs.renew(connection, found.lease, 60) is None
        assert connection.execute(select(JobStep)).all() == []
    assert claim(database) is None


def test_after_the_clock_was_set_no_lease_is_ended_for_a_while(database: Database, experiment: int) -> None:
    request(database, experiment)
    found = claimed(database)
    with database.write() as connection:
        connection.execute(update(Job).values(lease_until=now() - 5))
        assert jobs.claim(connection, lease_seconds=60, max_deaths=2, end_expired=False) is None
        assert jobs.renew(connection, found.lease, 60) is False
    assert job(database, experiment).deaths == 0


def test_an_agent_with_a_shorter_lease_takes_no_job_from_one_with_a_longer(
    database: Database, experiment: int
) -> None:
    request(database, experiment)
    with database.write() as connection:
        assert jobs.claim(connection, lease_seconds=3600, max_deaths=2) is not None
        assert jobs.claim(connection, lease_seconds=2, max_deaths=2) is None
        assert not jobs.has_work(connection)
    assert job(database, experiment).deaths == 0


def test_a_job_lease_from_before_the_clock_was_set_back_has_expired(
    database: Database, experiment: int
) -> None:
    request(database, experiment)
    claimed(database)
    with database.write() as connection:
        connection.execute(update(Job).values(lease_until=now() + 7200))
        assert jobs.has_work(connection)
        assert jobs.claim(connection, lease_seconds=7200, max_deaths=2) is not None
    assert job(database, experiment).deaths == 1


def test_a_job_never_ends_before_it_started(database: Database, experiment: int) -> None:
    request(database, experiment)
    found = claimed(database)
    with database.write() as connection:
        connection.execute(update(Job).values(started_at=now() + 3600))
        jobs.finish(connection, found.lease, "succeeded")
    ended = job(database, experiment)
    assert ended.finished_at == ended.started_at
