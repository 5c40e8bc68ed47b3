"""What several agents and clients do at the same time."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from service.store import queue
from service.store.database import Database
from service.store.queue import Lease
from tests.service.store.experiments import Desk


def test_agents_that_claim_at_once_never_get_the_same_run(database: Database) -> None:
    desk, agents, runs = Desk(database), 4, 40
    for owner in ("ada", "bob"):
        for _ in range(runs // 4):
            desk.submit([0, 1], owner=owner)
    together = threading.Barrier(agents)

    def work(name: str) -> list[Lease]:
        together.wait()
        taken = []
        while desk.has_work():
            if claim := desk.claim(name):
                taken.append(claim.lease)
                if len(taken) % 2:
                    desk.finish(claim.lease)
        return taken

    with ThreadPoolExecutor(agents) as pool:
        leases = [lease for taken in pool.map(work, map(str, range(agents))) for lease in taken]
    assert max(Counter(leases).values()) == 1
    assert len(leases) == runs


def test_runs_that_end_at_the_same_time_leave_the_experiment_ended(database: Database) -> None:
    desk = Desk(database)
    for _ in range(10):
        id_ = desk.submit([0, 1, 2, 3])
        leases = [desk.take() for _ in range(4)]
        together = threading.Barrier(len(leases))

        def end(lease: Lease, together: threading.Barrier = together) -> None:
            together.wait()
            desk.finish(lease)

        with ThreadPoolExecutor(len(leases)) as pool:
            list(pool.map(end, leases))
        assert desk.experiment(id_).status == "succeeded"


@pytest.fixture
def impatient(postgresql_url: str) -> Iterator[Desk]:
    """A desk on Postgres that fails where it would have to wait for a lock. On SQLite there is one writer."""
    database = Database(f"{postgresql_url}&options=-c%20lock_timeout%3D300")
    yield Desk(database)
    database.close()


def test_claims_pass_over_what_another_one_is_taking(impatient: Desk) -> None:
    first, second = impatient.submit(), impatient.submit()
    with impatient.database.write() as connection:
        taken = queue.claim(connection, agent="slow", lease_seconds=60, max_attempts=3)
        claim = impatient.claim("quick")
    assert taken is not None
    assert claim is not None
    assert (taken.experiment_id, claim.experiment_id) == (first, second)


def test_claims_pass_over_an_expired_run_that_is_being_renewed(impatient: Desk) -> None:
    impatient.submit()
    lease = impatient.take("slow")
    impatient.freeze(lease)
    with impatient.database.write() as connection:
        queue.extend(connection, lease, lease_seconds=60, worked_seconds=1.0)
        assert impatient.claim("quick") is None
    assert impatient.run(lease.run_id).agent == "slow"


@pytest.mark.parametrize("act", [Desk.cancel, Desk.retry])
def test_who_changes_all_runs_of_an_experiment_waits_until_none_is_being_changed(
    impatient: Desk, act: Callable[[Desk, int], object]
) -> None:
    id_ = impatient.submit([0, 1])
    with impatient.database.write() as connection:
        queue.claim(connection, agent="slow", lease_seconds=60, max_attempts=3)
        with pytest.raises(OperationalError, match="lock timeout"):
            act(impatient, id_)


def test_the_status_of_an_experiment_is_settled_by_one_at_a_time(impatient: Desk) -> None:
    impatient.submit([0, 1])
    first, second = impatient.take(), impatient.take()
    with impatient.database.write() as connection:
        queue.finish(connection, first, "succeeded")
        with pytest.raises(OperationalError, match="lock timeout"):
            impatient.finish(second)
