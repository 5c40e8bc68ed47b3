"""A pool without processes: a test sends events in place of the workers, and reads the commands that they get."""

from service.store.queue import Lease
from tests.service.fake_worker import evaluation
from workers.epoch_columns import EpochColumns
from workers.processes.messages import Assignment, Command, EpochsEnded, FinalEvent, WorkerEvent
from workers.processes.pool import Pool
from workers.training import Epoch

FIGURES = evaluation([[3, 1], [0, 2]])


class ScriptedPool(Pool[Lease]):
    """Keeps the contract of `Pool`: a final event removes its key, and events of a discarded key are dropped."""

    def __init__(self) -> None:
        self.started: dict[Lease, Assignment] = {}
        self.commands: list[tuple[Lease, Command]] = []
        self.discarded: list[Lease] = []
        self.sent: list[tuple[Lease, WorkerEvent]] = []
        self.timeouts: list[float] = []
        self.woken = 0
        self.closed = False
        self.ready = True
        self.alive: set[Lease] = set()

    @property
    def is_ready(self) -> bool:
        return self.ready

    def __contains__(self, key: Lease) -> bool:
        return key in self.alive

    def __len__(self) -> int:
        return len(self.alive)

    def start(self, key: Lease, assignment: Assignment) -> None:
        self.started[key] = assignment
        self.alive.add(key)

    def send(self, key: Lease, command: Command) -> None:
        assert key in self.alive
        self.commands.append((key, command))

    def discard(self, key: Lease) -> None:
        self.alive.remove(key)
        self.discarded.append(key)

    def add(self, key: Lease, *events: WorkerEvent) -> None:
        """Let the next `receive` return these events of a worker."""
        self.sent += [(key, event) for event in events]

    def receive(self, timeout: float) -> list[tuple[Lease, WorkerEvent]]:
        self.timeouts.append(timeout)
        received, self.sent = [(key, event) for key, event in self.sent if key in self.alive], []
        self.alive -= {key for key, event in received if isinstance(event, FinalEvent)}
        return received

    def wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        self.closed = True


def epoch(number: int, *, best: int = 1) -> EpochsEnded:
    """The event that an epoch has ended."""
    parts, drawn = (FIGURES, FIGURES), FIGURES.confusion.sum(axis=1)
    ended = Epoch(number, *parts, drawn, learning_rate=0.1, gradient_norm=1.0, best_epoch=best, seconds=0.5)
    return EpochsEnded(EpochColumns.of([ended]))
