"""What a submission stores, and how many queued runs an owner may have."""

import pytest
from sqlalchemy import select

from service.store import queue
from service.store.errors import QueueFull
from service.store.tables import ExperimentTag
from tests.service.store.experiments import QueueHarness


def test_a_submitted_experiment_is_queued_with_a_run_for_each_seed_and_each_tag_once(
    harness: QueueHarness,
) -> None:
    before = harness.clock()
    id_ = harness.submit([7, 2**62, 1], priority=3, owner="ada", epochs=9)
    experiment, runs = harness.experiment(id_), harness.runs(id_)
    assert (experiment.status, experiment.started_at, experiment.finished_at) == ("queued", None, None)
    assert [(run.seed, run.status, run.priority, run.owner, run.epochs) for run in runs] == [
        (seed, "queued", 3, "ada", 9) for seed in (7, 2**62, 1)
    ]
    assert before <= experiment.created_at <= runs[-1].created_at <= harness.clock()
    assert all((run.attempt, run.deaths, run.epoch) == (0, 0, 0) for run in runs)
    with harness.database.read() as connection:
        tags = connection.execute(select(ExperimentTag.tag).where(ExperimentTag.experiment_id == id_))
        assert sorted(tags.scalars()) == ["a", "b"]


def test_an_owner_may_have_a_limited_number_of_queued_runs(harness: QueueHarness) -> None:
    harness.submit([0, 1, 2], owner="ada")
    harness.submit([0, 1, 2], owner="bob")
    harness.take()
    with harness.database.read() as connection:
        queue.require_room(connection, "ada", 3, 5)
        with pytest.raises(QueueFull, match="ada"):
            queue.require_room(connection, "ada", 4, 5)
        queue.require_room(connection, "cy", 5, 5)
