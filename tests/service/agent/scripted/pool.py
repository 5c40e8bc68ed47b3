"""A pool without processes: a test says what the workers say, and reads what they were told."""

from service.store.queue import Lease
from tests.service.fake_worker import evaluation
from workers.processes.pool import Died, Pool
from workers.processes.process import Assignment, Command, EpochEnded, Failed, Message, Stopped, Succeeded
from workers.training import Epoch

FIGURES = evaluation([[3, 1], [0, 2]])


class ScriptedPool(Pool[Lease]):
    """Keeps to the contract of `Pool`: a last word takes its key away, a forgotten key is not heard of."""

    def __init__(self) -> None:
        self.started: dict[Lease, Assignment] = {}
        self.orders: list[tuple[Lease, Command]] = []
        self.forgotten: list[Lease] = []
        self.said: list[tuple[Lease, Message | Died]] = []
        self.timeouts: list[float] = []
        self.rung = 0
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

    def order(self, key: Lease, order: Command) -> None:
        assert key in self.alive
        self.orders.append((key, order))

    def forget(self, key: Lease) -> None:
        self.alive.remove(key)
        self.forgotten.append(key)

    def say(self, key: Lease, *words: Message | Died) -> None:
        self.said += [(key, word) for word in words]

    def receive(self, timeout: float) -> list[tuple[Lease, Message | Died]]:
        self.timeouts.append(timeout)
        heard, self.said = [(key, word) for key, word in self.said if key in self.alive], []
        self.alive -= {key for key, word in heard if isinstance(word, Succeeded | Failed | Stopped | Died)}
        return heard

    def ring(self) -> None:
        self.rung += 1

    def close(self) -> None:
        self.closed = True


def epoch(number: int, *, best: int = 1) -> EpochEnded:
    """The word that an epoch has ended."""
    parts, drawn = (FIGURES, FIGURES), FIGURES.confusion.sum(axis=1)
    return EpochEnded(
        Epoch(number, *parts, drawn, learning_rate=0.1, gradient_norm=1.0, best_epoch=best, seconds=0.5)
    )
