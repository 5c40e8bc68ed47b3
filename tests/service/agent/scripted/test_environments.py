"""What computed each attempt is recorded, and which of the attempts the stored figures come from."""

from service.agent.agent import Agent
from service.store import attempts, queue
from service.store.attempts import Computed
from service.store.queue import Lease
from tests.harness import IRIS, Harness
from tests.service.agent.scripted.pool import epoch
from tests.service.agent.scripted.script import send, start
from tests.service.environments import COMPILED, REFERENCE, started, stored
from workers.environment import Environment
from workers.processes.messages import CheckpointTaken, Died, Stopped, WorkerEvent


def computed(harness: Harness, id_: int) -> list[tuple[int, str]]:
    """After which epochs which kernels computed the only run of an experiment."""
    with harness.database.read() as connection:
        found = attempts.computations(connection, [id_])[id_]
    return [(after, environment["kernels"]) for of_run in found.values() for after, environment in of_run]


def attempt(agent: Agent, environment: Environment, *events: WorkerEvent, resumed: bool = False) -> Lease:
    """An attempt that sends these events and dies."""
    lease = start(agent)
    send(agent, lease, started(environment, resumed=resumed), *events, Died(-9))
    return lease


def test_a_run_that_other_kernels_continue_names_both(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    attempt(agent, COMPILED, epoch(1), CheckpointTaken(1, 1, b"one"))
    assert computed(harness, id_) == [(0, COMPILED.kernels)]
    attempt(agent, REFERENCE, epoch(2), CheckpointTaken(2, 1, b"two"), resumed=True)
    attempt(agent, COMPILED, epoch(3), CheckpointTaken(3, 1, b"three"), resumed=True)
    assert computed(harness, id_) == [(0, COMPILED.kernels), (1, REFERENCE.kernels), (2, COMPILED.kernels)]


def test_an_attempt_that_left_nothing_behind_is_not_named(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    attempt(agent, COMPILED, epoch(1), CheckpointTaken(1, 1, b"one"))
    attempt(agent, REFERENCE, epoch(2), resumed=True)  # its epoch is trained again
    attempt(agent, COMPILED, epoch(2), CheckpointTaken(2, 1, b"two"), resumed=True)
    assert computed(harness, id_) == [(0, COMPILED.kernels)]


def test_an_attempt_counts_once_its_epoch_is_stored_or_its_run_has_ended(
    harness: Harness, agent: Agent
) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, started(COMPILED))
    assert computed(harness, id_) == []
    send(agent, lease, epoch(1))
    assert computed(harness, id_) == [(0, COMPILED.kernels)]
    send(agent, lease, CheckpointTaken(1, 1, b"one"), Stopped("release"))
    again = start(agent)
    send(agent, again, started(REFERENCE, resumed=True))
    assert computed(harness, id_) == [(0, COMPILED.kernels)]
    send(agent, again, Stopped("cancel"))
    assert computed(harness, id_) == [(0, COMPILED.kernels), (1, REFERENCE.kernels)]


def test_a_checkpoint_within_an_epoch_counts_too(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    attempt(agent, REFERENCE, CheckpointTaken(0, None, b"some steps"))
    attempt(agent, COMPILED, epoch(1), CheckpointTaken(1, 1, b"one"), resumed=True)
    assert computed(harness, id_) == [(0, REFERENCE.kernels), (0, COMPILED.kernels)]


def test_a_run_that_starts_over_forgets_what_computed_it_before(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    attempt(agent, COMPILED, epoch(1), CheckpointTaken(1, 1, b"lost"))
    attempt(agent, REFERENCE, epoch(2), CheckpointTaken(2, 1, b"two"), resumed=False)
    assert [kernels for _, kernels in computed(harness, id_)] == [REFERENCE.kernels]


def test_an_event_that_is_written_twice_is_recorded_once(harness: Harness, agent: Agent) -> None:
    id_ = harness.submit(IRIS)
    lease = start(agent)
    send(agent, lease, started(COMPILED), epoch(1), CheckpointTaken(1, 1, b"one"))
    with harness.database.write() as connection:
        assert queue.renew(connection, lease, lease_seconds=15, worked_seconds=0) is not None
        attempts.record(connection, lease.run_id, lease.attempt, started(REFERENCE, resumed=True))
        found = attempts.computations(connection, [id_])[id_]
    assert [each for of_run in found.values() for each in of_run] == [Computed(0, stored(COMPILED))]
