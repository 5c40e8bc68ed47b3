"""Several agents and clients that use the queue at the same time."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from service.store import queue
from service.store.database import Database
from service.store.queue import Lease
from tests.service.store.experiments import QueueHarness


def test_agents_that_claim_at_once_never_get_the_same_run(database: Database) -> None:
    harness, agents, runs = QueueHarness(database), 4, 40
    for owner in ("ada", "bob"):
        for _ in range(runs // 4):
            harness.submit([0, 1], owner=owner)
    together = threading.Barrier(agents)

    def work(name: str) -> list[Lease]:
        together.wait()
        taken = []
        while harness.has_work():
            if claim := harness.claim(name):
                taken.append(claim.lease)
                if len(taken) % 2:
                    harness.finish(claim.lease)
        return taken

    with ThreadPoolExecutor(agents) as pool:
        leases = [lease for taken in pool.map(work, map(str, range(agents))) for lease in taken]
    assert max(Counter(leases).values()) == 1
    assert len(leases) == runs


def test_runs_that_end_at_the_same_time_leave_the_experiment_ended(database: Database) -> None:
    harness = QueueHarness(database)
    for _ in range(10):
        id_ = harness.submit([0, 1, 2, 3])
        leases = [harness.take() for _ in range(4)]
        together = threading.Barrier(len(leases))

        def end(lease: Lease, together: threading.Barrier = together) -> None:
            together.wait()
            harness.finish(lease)

        with ThreadPoolExecutor(len(leases)) as pool:
            list(pool.map(end, leases))
        assert harness.experiment(id_).status == "succeeded"


@pytest.fixture
def impatient(postgresql_url: str) -> Iterator[QueueHarness]:
    """A harness on PostgreSQL that fails instead of waiting for a lock. SQLite has one writer."""
    database = Database(f"{postgresql_url}&options=-c%20lock_timeout%3D300")
    yield QueueHarness(database)
    database.close()


def test_a_claim_skips_a_run_that_another_one_is_taking(impatient: QueueHarness) -> None:
    first, second = impatient.submit(), impatient.submit()
    with impatient.database.write() as connection:
        taken = queue.claim(connection, agent="slow", lease_seconds=60, max_deaths=3)
        claim = impatient.claim("quick")
    assert taken is not None
    assert claim is not None
    assert (taken.experiment_id, claim.experiment_id) == (first, second)


def test_a_claim_skips_an_expired_run_that_is_being_renewed(impatient: QueueHarness) -> None:
    impatient.submit()
    lease = impatient.take("slow")
    impatient.expire(lease)
    with impatient.database.write() as connection:
        queue.renew(connection, lease, lease_seconds=60, worked_seconds=1.0)
        assert impatient.claim("quick") is None
    assert impatient.run(lease.run_id).agent == "slow"


@pytest.mark.parametrize("act", [QueueHarness.cancel, QueueHarness.retry])
def test_a_change_of_all_runs_of_an_experiment_waits_until_none_is_being_changed(
    impatient: QueueHarness, act: Callable[[QueueHarness, int], object]
) -> None:
    id_ = impatient.submit([0, 1])
    with impatient.database.write() as connection:
        queue.claim(connection, agent="slow", lease_seconds=60, max_deaths=3)
        with pytest.raises(OperationalError, match="lock timeout"):
            act(impatient, id_)


def test_one_transaction_at_a_time_updates_the_status_of_an_experiment(impatient: QueueHarness) -> None:
    impatient.submit([0, 1])
    first, second = impatient.take(), impatient.take()
    with impatient.database.write() as connection:
        queue.finish(connection, first, "succeeded")
        with pytest.raises(OperationalError, match="lock timeout"):
            impatient.finish(second)
